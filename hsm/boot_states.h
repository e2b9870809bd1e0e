#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstddef>

namespace clawsigner::hsm {

/// A store whose keys are usable only in approved states of the machine's boot: which they are is
/// the operators' to say. Thread-safe.
class BootStates {
public:
    static constexpr std::size_t kStateSize = 32;  // a digest

    virtual ~BootStates() = default;
    BootStates() = default;
    BootStates(const BootStates&) = delete;
    BootStates& operator=(const BootStates&) = delete;

    /// The state of this boot. Errors: unsupported, where none is asked for; hsm_down.
    virtual Result<Bytes> boot_state() = 0;

    /// From here on the keys may be used in this state, too, and it lasts. Errors:
    /// boot_not_approved, when the state of this boot is not approved itself; unsupported;
    /// hsm_down.
    virtual Status approve_boot(const Bytes& state) = 0;
};

}  // namespace clawsigner::hsm
