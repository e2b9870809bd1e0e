#pragma once

#include <string_view>

namespace clawsigner::bench {

/// What is signed where no daemon builds it: of the form and length of what a receipt's signature
/// is over, a SHA-256 in base64url.
inline constexpr std::string_view kMessage = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

}  // namespace clawsigner::bench
