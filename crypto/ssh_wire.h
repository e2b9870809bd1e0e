#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

/// The data types that SSH keys and signatures are made of (RFC 4251 section 5).
namespace clawsigner::crypto {

/// Reads values off the front of bytes, which must outlive it and the views it gives. Every error
/// is invalid_field without a field name.
class SshReader {
public:
    explicit SshReader(ByteView bytes) noexcept : rest_(bytes) {}

    Result<std::uint8_t> byte();
    Result<std::uint32_t> uint32();
    /// So many bytes, without a length before them.
    Result<ByteView> bytes(std::size_t count);
    /// A string of at most `max` bytes.
    Result<ByteView> string(std::size_t max);
    Result<std::string_view> text(std::size_t max);
    /// An mpint from 0 to 2^256 - 1 in its one spelling, big-endian with leading zeros.
    Result<std::array<std::uint8_t, 32>> mpint256();
    /// Is there nothing left?
    Status end() const;

private:
    ByteView rest_;
};

/// Writes values one behind the other.
class SshWriter {
public:
    SshWriter& byte(std::uint8_t value);
    SshWriter& uint32(std::uint32_t value);
    /// Without a length before them.
    SshWriter& bytes(ByteView value);
    SshWriter& bytes(std::string_view value) { return bytes(base::as_bytes(value)); }
    /// Below 2^32 bytes.
    SshWriter& string(ByteView value);
    SshWriter& string(std::string_view value) { return string(base::as_bytes(value)); }

    Bytes done() { return std::move(out_); }

private:
    Bytes out_;
};

}  // namespace clawsigner::crypto
