#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace clawsigner::cli {

/// The armored signature of `ssh-keygen -Y sign` over the message. `key` is a private key's file,
/// or a public one's whose private half an ssh-agent has; ssh-keygen asks for its passphrase or its
/// touch by itself. Errors: io_failed, when ssh-keygen is not there or does not sign;
/// invalid_field, when there is no such file.
Result<std::string> ssh_signature(const std::filesystem::path& key, std::string_view name_space,
                                  std::string_view message);

}  // namespace clawsigner::cli
