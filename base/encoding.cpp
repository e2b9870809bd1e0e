#include "base/encoding.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace clawsigner::base {
namespace {

constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kBase58MaxText = 128;

/// For every byte its place in `alphabet`, or -1.
constexpr std::array<std::int8_t, 256> places_in(std::string_view alphabet) {
    std::array<std::int8_t, 256> places{};
    places.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        places[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return places;
}

constexpr auto kBase64UrlPlaces = places_in(kBase64Url);
constexpr auto kBase64Places = places_in(kBase64);
constexpr auto kBase58Places = places_in(kBase58);
constexpr auto kHexPlaces = places_in(kHex);

int place(const std::array<std::int8_t, 256>& places, char c) {
    return places[static_cast<std::uint8_t>(c)];
}

Error not_encoded(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

std::string sextets_encode(ByteView bytes, std::string_view alphabet) {
    std::string text((bytes.size() * 4 + 2) / 3, '\0');
    auto out = text.begin();
    std::uint32_t pending = 0;
    int bits = 0;
    for (const std::uint8_t byte : bytes) {
        pending = (pending << 8U) | byte;
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            *out++ = alphabet[(pending >> bits) & 63U];
        }
    }
    if (bits > 0) {
        *out = alphabet[(pending << (6 - bits)) & 63U];
    }
    return text;
}

/// `text` is without padding and as long as some byte string's.
Result<Bytes> sextets_decode(std::string_view text, const std::array<std::int8_t, 256>& places,
                             std::string_view not_of_alphabet, std::string_view not_canonical) {
    Bytes bytes(text.size() * 3 / 4);
    auto out = bytes.begin();
    std::uint32_t pending = 0;
    int bits = 0;
    int all = 0;  // negative as soon as one of them is
    for (const char c : text) {
        const int sextet = place(places, c);
        all |= sextet;
        pending = (pending << 6U) | (static_cast<std::uint32_t>(sextet) & 63U);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = static_cast<std::uint8_t>(pending >> bits);
        }
    }
    if (all < 0) {
        return not_encoded(not_of_alphabet);
    }
    if ((pending & ((1U << bits) - 1U)) != 0) {
        return not_encoded(not_canonical);
    }
    return bytes;
}

}  // namespace

std::string base64url_encode(ByteView bytes) {
    return sextets_encode(bytes, kBase64Url);
}

Result<Bytes> base64url_decode(std::string_view text) {
    if (text.size() % 4 == 1) {
        return not_encoded("is not base64url: no byte string has this length");
    }
    return sextets_decode(text, kBase64UrlPlaces,
                          "is not base64url: only A-Z a-z 0-9 - _ and no padding",
                          "is not canonical base64url: spare bits of the last character are set");
}

std::string base64_encode(ByteView bytes) {
    std::string text = sextets_encode(bytes, kBase64);
    return text.append((4 - text.size() % 4) % 4, '=');
}

Result<Bytes> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) {
        return not_encoded("is not base64: padded, its length is a multiple of 4");
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    text.remove_suffix(padding);
    return sextets_decode(text, kBase64Places, "is not base64: only A-Z a-z 0-9 + / and padding",
                          "is not canonical base64: spare bits of the last character are set");
}

std::string hex_encode(ByteView bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text.push_back(kHex[byte >> 4U]);
        text.push_back(kHex[byte & 15U]);
    }
    return text;
}

Result<Bytes> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) {
        return not_encoded("is not hex: an odd number of digits");
    }
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = place(kHexPlaces, text[i]);
        const int low = place(kHexPlaces, text[i + 1]);
        if (high < 0 || low < 0) {
            return not_encoded("is not hex: only 0-9 a-f");
        }
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return bytes;
}

std::string base58btc_encode(ByteView bytes) {
    std::vector<std::uint8_t> digits;  // base 58, least significant first
    for (const std::uint8_t byte : bytes) {
        unsigned carry = byte;
        for (std::uint8_t& digit : digits) {
            carry += static_cast<unsigned>(digit) << 8U;
            digit = static_cast<std::uint8_t>(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58) {
            digits.push_back(static_cast<std::uint8_t>(carry % 58));
        }
    }
    const auto zeros = std::ranges::find_if(bytes, [](auto b) { return b != 0; }) - bytes.begin();
    std::string text(static_cast<std::size_t>(zeros), kBase58[0]);
    std::for_each(digits.rbegin(), digits.rend(), [&](auto d) { text.push_back(kBase58[d]); });
    return text;
}

Result<Bytes> base58btc_decode(std::string_view text) {
    if (text.size() > kBase58MaxText) {
        return not_encoded("is too long for base58");
    }
    Bytes reversed;  // base 256, least significant first
    for (const char c : text) {
        const int value = place(kBase58Places, c);
        if (value < 0) {
            return not_encoded("is not base58btc");
        }
        auto carry = static_cast<unsigned>(value);
        for (std::uint8_t& byte : reversed) {
            carry += static_cast<unsigned>(byte) * 58U;
            byte = static_cast<std::uint8_t>(carry);
            carry >>= 8U;
        }
        for (; carry > 0; carry >>= 8U) {
            reversed.push_back(static_cast<std::uint8_t>(carry));
        }
    }
    const auto zeros =
        std::ranges::find_if(text, [](char c) { return c != kBase58[0]; }) - text.begin();
    Bytes bytes(static_cast<std::size_t>(zeros), 0);
    bytes.insert(bytes.end(), reversed.rbegin(), reversed.rend());
    return bytes;
}

Result<std::uint64_t> decimal_decode(std::string_view text) {
    std::uint64_t number = 0;
    const auto [stopped, fault] = std::from_chars(text.begin(), text.end(), number);
    if (fault == std::errc::result_out_of_range) {
        return not_encoded("is not below 2^64");
    }
    if (fault != std::errc() || stopped != text.end()) {
        return not_encoded("is not a decimal number");
    }
    if (text.size() > 1 && text.front() == '0') {
        return not_encoded("is not a decimal number as it is printed: it has a leading zero");
    }
    return number;
}

}  // namespace clawsigner::base
