#pragma once

#include "base/result.h"
#include "claw/json_text.h"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// JSON text, read strictly and written exactly. The ecosystem's verifiers parse a text in
/// JavaScript and hash what JSON.stringify prints, so what is signed here is printed as ECMA-262
/// prints it, and what cannot survive that round trip is refused where it comes in.
namespace clawsigner::claw {

/// A parsed text. Every number in it is a finite double, as in JavaScript; no object has two
/// members of one name; every string is valid UTF-8 without surrogates; members stand in the order
/// of the text.
using JsonValue = boost::json::value;
using JsonObject = boost::json::object;

inline constexpr std::size_t kMaxJsonDepth = 32;  // of what a caller sends
/// Of what was signed: a request's metadata stands deeper in the artefact that holds it.
inline constexpr std::size_t kMaxArtefactDepth = 40;

/// Which texts are accepted beyond well-formed ones without duplicate members, lone surrogates and
/// overflowing numbers.
enum class JsonRules {
    /// What a caller sends to be signed: also no member name that JavaScript would move to the
    /// front ("0" … "4294967294"),
    /// and no integer literal that a double does not hold exactly.
    door,
    /// What somebody else has signed: such names and integers are read as JavaScript reads them.
    javascript,
};

/// The whole text is one JSON value (RFC 8259), nested at most kMaxJsonDepth deep
/// (kMaxArtefactDepth by the rules of JavaScript). Never throws;
/// time and memory are linear in the text. Errors: malformed_json, or invalid_field with the
/// member's path.
Result<JsonValue> parse_json(std::string_view text, JsonRules rules);

/// JSON.stringify(value): members of index-like names first and ascending, others in order;
/// ECMA-262 numbers and escapes.
std::string json_text(const JsonValue& value);
void append_json(std::string& out, const JsonValue& value);
void append_json(std::string& out, const JsonObject& object);

/// RFC 8785: as json_text, but members sorted by UTF-16 code units.
std::string canonical_json_text(const JsonValue& value);

}  // namespace clawsigner::claw
