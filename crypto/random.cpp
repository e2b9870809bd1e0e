#include "crypto/random.h"

#include <openssl/rand.h>

#include <array>

namespace clawsigner::crypto {

Status fill_random(std::span<std::uint8_t> bytes) {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return Error(ErrorCode::internal, "the random generator has no entropy");
    }
    return Status::done();
}

Result<std::string> uuid_v4() {
    std::array<std::uint8_t, 16> bytes{};
    CHECK_OK(fill_random(bytes));
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // version 4
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);  // variant 10
    std::string text = base::hex_encode(bytes);
    for (const std::size_t hyphen : {20U, 16U, 12U, 8U}) {
        text.insert(hyphen, 1, '-');
    }
    return text;
}

}  // namespace clawsigner::crypto
