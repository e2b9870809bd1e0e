#pragma once

#include "base/result.h"

#include <cstddef>

namespace clawsigner::pkcs11 {

/// The life of a process that hosts a module: opens the token it is told to, signs what comes on
/// its lanes (each with a thread of its own), and ends when its daemon closes the control channel.
/// The channels are found at host::kFirstFd and above; every other descriptor but the standard ones
/// is closed. Error: config_invalid, when there are no channels.
Status run_module_host(std::size_t lanes);

}  // namespace clawsigner::pkcs11
