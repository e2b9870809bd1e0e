#pragma once

#include "base/result.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::cli {

/// An https URL, taken apart: a host name, a port and a path without query or fragment.
struct HttpsUrl {
    std::string host;
    std::string port = "443";
    std::string path = "/";  // begins with '/'
};
/// Error: invalid_field.
Result<HttpsUrl> parse_https_url(std::string_view text);

/// The body of what is at that URL, at most 256 KiB, waited for at most 10 s. TLS 1.2 or later; the
/// server's certificate must be for the host, by an authority of `ca_file`, else of this system.
/// Follows no redirect and no proxy. Errors: unreachable, when there is no such server, its
/// certificate is not good, or it answers anything but 200.
Result<std::string> https_get(const HttpsUrl& url,
                              const std::optional<std::filesystem::path>& ca_file);

}  // namespace clawsigner::cli
