#include "cli/daemon_files.h"

#include "claw/json.h"

namespace clawsigner::cli {
namespace {

std::string text_of(const claw::JsonObject& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

}  // namespace

Result<std::string> body_of(Reply reply) {
    if (reply.status >= 200 && reply.status < 300) {
        return std::move(reply.body);
    }
    const auto document = claw::parse_json(reply.body, claw::JsonRules::javascript);
    const auto* error = document.ok() && document->is_object()
                            ? document->get_object().if_contains("error")
                            : nullptr;
    if (error == nullptr || !error->is_object()) {
        return Error(ErrorCode::internal,
                     "the daemon answered " + std::to_string(reply.status) + ": " + reply.body);
    }
    Error refusal(base::code_of_wire_name(text_of(error->get_object(), "code")),
                  text_of(error->get_object(), "message"));
    refusal.field = text_of(error->get_object(), "field");
    return refusal;
}

Result<std::string> get(const std::filesystem::path& socket, std::string_view target) {
    TRY(Reply reply, request(socket, "GET", target, ""));
    return body_of(std::move(reply));
}

}  // namespace clawsigner::cli
