#include "cli/conversation.h"

#include "cli/client.h"

#include <cstdio>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;

/// The error a daemon answered with; its code is only a text here, so it is printed, not compared.
int report_refusal(const Reply& reply, bool json) {
    if (json) {
        std::printf("%s\n", printable(reply.body).c_str());
        return kRefused;
    }
    const auto document = claw::parse_json(reply.body, claw::JsonRules::javascript);
    const JsonValue* error = document.ok() && document->is_object()
                                 ? document->get_object().if_contains("error")
                                 : nullptr;
    if (error == nullptr || !error->is_object()) {
        std::fprintf(stderr, "clawsigner: the daemon answered %u: %s\n", reply.status,
                     printable(reply.body).c_str());
        return kRefused;
    }
    std::fprintf(stderr, "clawsigner: %s: %s\n",
                 printable(cell(error->get_object(), "code")).c_str(),
                 printable(cell(error->get_object(), "message")).c_str());
    return kRefused;
}

bool is_good(const Reply& reply) {
    return reply.status >= 200 && reply.status < 300;
}

}  // namespace

int talk(const Connection& to, std::string_view method, std::string_view target,
         std::string_view body, const std::function<void(const JsonObject&)>& print) {
    const auto reply = request(to.socket, method, target, body);
    if (!reply.ok()) {
        return report(reply.error(), to.json);
    }
    if (!is_good(*reply)) {
        return report_refusal(*reply, to.json);
    }
    const auto document = claw::parse_json(reply->body, claw::JsonRules::javascript);
    if (to.json || !document.ok() || !document->is_object()) {
        std::printf("%s\n", printable(reply->body).c_str());
    } else {
        print(document->get_object());
    }
    return kGood;
}

const boost::json::array& array_member(const JsonObject& object, std::string_view name) {
    static const boost::json::array kNone;
    const JsonValue* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

}  // namespace clawsigner::cli
