#pragma once

#include <span>
#include <string>
#include <string_view>

/// The pieces of JSON text, without a JSON value: for what only prints.
namespace clawsigner::claw {

/// One string with its quotes, one number, as JSON.stringify prints them. A number that is not
/// finite prints as null.
void append_json_string(std::string& out, std::string_view text);
void append_json_number(std::string& out, double number);

/// ["a","b"]
std::string json_texts(std::span<const std::string> texts);

/// "binding" + "run_id" → "binding.run_id"; "" + "x" → "x".
std::string member_path(std::string_view parent, std::string_view name);

}  // namespace clawsigner::claw
