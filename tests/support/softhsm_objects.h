#pragma once

#include "base/encoding.h"
#include "pkcs11/module.h"
#include "support/softhsm.h"

#include <memory>
#include <string_view>

namespace clawsigner::tests {

/// Makes objects in a SoftHSM2 token as another program, or a process that died, would leave them.
/// Ended before the token is opened by anybody else in this process.
class SoftHsmObjects {
public:
    explicit SoftHsmObjects(const SoftHsm& hsm);
    ~SoftHsmObjects();
    SoftHsmObjects(const SoftHsmObjects&) = delete;
    SoftHsmObjects& operator=(const SoftHsmObjects&) = delete;

    enum class Half { both, private_half, public_half };
    /// A P-256 pair of which these halves stay.
    void make(std::string_view label, ByteView id, Half keep);
    /// What a process leaves that dies while SoftHSM makes a pair: every private half of the token
    /// is there, and none has its value. Whoever has the token open sees it at the next opening.
    static void lose_private_values(const SoftHsm& hsm);
    /// How many private and public keys there are, whosever.
    std::size_t count();

private:
    std::unique_ptr<pkcs11::Module> module_;
    CK_SESSION_HANDLE session_ = 0;
};

}  // namespace clawsigner::tests
