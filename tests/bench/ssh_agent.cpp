#include "bench/ssh_agent.h"

#include "bench/message.h"

#include <cstdint>

namespace clawsigner::bench {
namespace {

// draft-miller-ssh-agent, section 5.1.
constexpr char kRequestIdentities = 11;
constexpr char kIdentitiesAnswer = 12;
constexpr char kSignRequest = 13;
constexpr char kSignResponse = 14;

constexpr std::string_view kKeyType = "ecdsa-sha2-nistp256";
constexpr std::size_t kNumber = 4;

/// uint32 of RFC 4251, section 5.
std::string number(std::size_t value) {
    return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
            static_cast<char>(value >> 8U), static_cast<char>(value)};
}

/// string of RFC 4251, section 5.
std::string string(std::string_view value) {
    return number(value.size()).append(value);
}

std::size_t read_number(std::string_view bytes) {
    std::size_t value = 0;
    for (const char byte : bytes.substr(0, kNumber)) {
        value = value << 8U | static_cast<std::uint8_t>(byte);
    }
    return value;
}

/// Takes a string of RFC 4251 off the beginning.
std::string_view take_string(std::string_view& bytes) {
    const std::size_t size = read_number(bytes);
    const std::string_view value = bytes.substr(std::min(kNumber, bytes.size()), size);
    bytes.remove_prefix(std::min(kNumber + size, bytes.size()));
    return value;
}

template <char Type>
Result<std::size_t> reply_size(std::string_view received) {
    if (received.size() <= kNumber) {
        return std::size_t{0};
    }
    if (received[kNumber] != Type) {
        return Error(ErrorCode::bad_request, "the agent refused");
    }
    return kNumber + read_number(received);
}

Result<std::string> first_key(const std::filesystem::path& socket) {
    TRY(Client client, Client::connect(socket));
    CHECK_OK(client.send(string({&kRequestIdentities, 1})));
    std::string_view reply;
    while (reply.empty()) {
        TRY(reply, client.receive(reply_size<kIdentitiesAnswer>));
    }
    std::string_view rest = reply.substr(kNumber + 1);
    const std::size_t count = read_number(rest);
    rest.remove_prefix(kNumber);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view key = take_string(rest);
        take_string(rest);  // its comment
        if (std::string_view blob = key; take_string(blob) == kKeyType) {
            return std::string(key);
        }
    }
    return Error(ErrorCode::key_missing, "the agent has no ECDSA P-256 key");
}

}  // namespace

Result<Exchange> agent_signature(const std::filesystem::path& socket) {
    TRY(const std::string key, first_key(socket));
    const std::string request =
        kSignRequest + string(key) + string(kMessage) + number(0);  // no flags
    return Exchange{string(request), reply_size<kSignResponse>};
}

}  // namespace clawsigner::bench
