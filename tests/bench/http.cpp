#include "bench/http.h"

#include <charconv>

namespace clawsigner::bench {
namespace {

constexpr std::string_view kGood = "HTTP/1.1 200 ";
constexpr std::string_view kLength = "\r\nContent-Length: ";
constexpr std::string_view kEnd = "\r\n\r\n";

Error refused(std::string_view received) {
    return {ErrorCode::bad_request, "not the answer hoped for: " + std::string(received)};
}

/// As the daemon writes it; this is no reader for other servers.
Result<std::size_t> reply_size(std::string_view received) {
    const std::size_t end = received.find(kEnd);
    if (end == std::string_view::npos) {
        return std::size_t{0};
    }
    const std::size_t length = received.substr(0, end).find(kLength);
    if (!received.starts_with(kGood) || length == std::string_view::npos) {
        return refused(received);
    }
    std::size_t body = 0;
    std::from_chars(received.data() + length + kLength.size(), received.data() + end, body);
    return end + kEnd.size() + body;
}

Result<std::size_t> batch_reply_size(std::string_view received) {
    TRY(const std::size_t size, reply_size(received));
    const std::size_t error =
        size == received.size() ? received.find(R"({"error":)") : std::string_view::npos;
    if (error != std::string_view::npos) {
        return refused(received.substr(error, 200));
    }
    return size;
}

std::string post(std::string_view target, std::string_view body) {
    std::string request = "POST ";
    return request.append(target)
        .append(" HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append(kEnd)
        .append(body);
}

}  // namespace

Exchange http_post(std::string_view target, std::string_view body) {
    return {post(target, body), reply_size};
}

Exchange http_get(std::string_view target) {
    std::string request = "GET ";
    return {request.append(target).append(" HTTP/1.1\r\nHost: bench").append(kEnd), reply_size};
}

Exchange http_post_batch(std::string_view target, std::string_view body) {
    return {post(target, body), batch_reply_size};
}

}  // namespace clawsigner::bench
