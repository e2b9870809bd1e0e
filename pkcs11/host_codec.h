#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::pkcs11::host {

/// Numbers of 64 bits, little-endian; bytes and text with their length before them.
class Writer {
public:
    void number(std::uint64_t value) {
        for (int shift = 0; shift < 64; shift += 8) {
            bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
        }
    }
    void bytes(ByteView bytes) {
        number(bytes.size());
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void text(std::string_view text) { bytes(base::as_bytes(text)); }
    Bytes done() { return std::move(bytes_); }

private:
    Bytes bytes_;
};

/// Once something is missing everything read is empty, and done() says so.
class Reader {
public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        const ByteView read = take(sizeof value);
        for (std::size_t i = read.size(); i-- > 0;) {
            value = value << 8U | read[i];
        }
        return value;
    }
    /// At most `most`, else the packet is not good.
    std::uint64_t number(std::uint64_t most) {
        const std::uint64_t value = number();
        good_ = good_ && value <= most;
        return good_ ? value : 0;
    }
    bool flag() { return number(1) == 1; }
    ByteView bytes() { return take(number()); }
    std::string text() {
        const ByteView read = bytes();
        return {read.begin(), read.end()};
    }
    template <class T>
    T checked(Result<T> value, T instead) {
        good_ = good_ && value.ok();
        return good_ ? std::move(value).value() : std::move(instead);
    }
    void fail() { good_ = false; }
    bool good() const { return good_; }
    Status done() const {
        return good_ && rest_.empty()
                   ? Status::done()
                   : Status(Error(ErrorCode::internal, "the module's process speaks nonsense"));
    }

private:
    ByteView take(std::uint64_t size) {
        good_ = good_ && size <= rest_.size();
        if (!good_) {
            return {};
        }
        const ByteView taken = rest_.first(static_cast<std::size_t>(size));
        rest_ = rest_.subspan(static_cast<std::size_t>(size));
        return taken;
    }

    ByteView rest_;
    bool good_ = true;
};

}  // namespace clawsigner::pkcs11::host
