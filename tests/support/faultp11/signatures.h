#pragma once

#include <p11-kit/pkcs11.h>

#include <mutex>
#include <vector>

namespace faultp11 {

/// The last signature of this process, for a device that gives it out again.
class Signatures {
public:
    void remember(const CK_BYTE* signature, CK_ULONG size);
    /// Overwrites a signature with the one before it; with zeros, when there is none of its size.
    void replay(CK_BYTE* signature, CK_ULONG size) const;

private:
    mutable std::mutex mutex_;
    std::vector<CK_BYTE> last_;
};

}  // namespace faultp11
