#include "crypto/ssh_wire.h"

#include <algorithm>
#include <string>

namespace clawsigner::crypto {
namespace {

constexpr std::size_t kMaxMpint = 33;  // 256 bits, and a zero that says they are positive

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

/// Positive, and without a byte that could be left out.
bool is_shortest_mpint(ByteView bytes) {
    if (bytes.empty()) {
        return true;
    }
    const bool has_zero = bytes.front() == 0;
    const bool needs_zero = has_zero && bytes.size() > 1 && (bytes[1] & 0x80U) != 0;
    return has_zero ? needs_zero : (bytes.front() & 0x80U) == 0;
}

}  // namespace

Result<std::uint8_t> SshReader::byte() {
    TRY(const ByteView one, bytes(1));
    return one.front();
}

Result<std::uint32_t> SshReader::uint32() {
    TRY(const ByteView four, bytes(4));
    return std::uint32_t{four[0]} << 24U | std::uint32_t{four[1]} << 16U |
           std::uint32_t{four[2]} << 8U | four[3];
}

Result<ByteView> SshReader::bytes(std::size_t count) {
    if (count > rest_.size()) {
        return unreadable("ends too early");
    }
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
}

Result<ByteView> SshReader::string(std::size_t max) {
    TRY(const std::uint32_t size, uint32());
    if (size > max) {
        return unreadable("has a part that is longer than any that is accepted");
    }
    return bytes(size);
}

Result<std::string_view> SshReader::text(std::size_t max) {
    TRY(const ByteView view, string(max));
    return std::string_view(reinterpret_cast<const char*>(view.data()), view.size());
}

Result<std::array<std::uint8_t, 32>> SshReader::mpint256() {
    TRY(ByteView digits, string(kMaxMpint));
    if (!is_shortest_mpint(digits)) {
        return unreadable("has a number that is negative or not in its shortest form");
    }
    if (!digits.empty() && digits.front() == 0) {
        digits = digits.subspan(1);
    }
    std::array<std::uint8_t, 32> number{};
    if (digits.size() > number.size()) {
        return unreadable("has a number of more than 256 bits");
    }
    std::ranges::copy(digits, number.end() - static_cast<std::ptrdiff_t>(digits.size()));
    return number;
}

Status SshReader::end() const {
    return rest_.empty() ? Status::done() : Status(unreadable("goes on behind its end"));
}

SshWriter& SshWriter::byte(std::uint8_t value) {
    out_.push_back(value);
    return *this;
}

SshWriter& SshWriter::uint32(std::uint32_t value) {
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        out_.push_back(static_cast<std::uint8_t>(value >> (shift - 8)));
    }
    return *this;
}

SshWriter& SshWriter::bytes(ByteView value) {
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
}

SshWriter& SshWriter::string(ByteView value) {
    return uint32(static_cast<std::uint32_t>(value.size())).bytes(value);
}

}  // namespace clawsigner::crypto
