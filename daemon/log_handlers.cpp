#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/read_log.h"

#include <utility>

namespace clawsigner::daemon {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";

Answer plain(const Result<std::string>& result, std::string_view content_type) {
    if (!result.ok()) {
        return error_answer(result.error());
    }
    Answer answer;
    answer.body = *result;
    answer.content_type = content_type;
    return answer;
}

/// What no tile is called does not exist.
Error no_such_tile() {
    return {ErrorCode::not_found, "there is no tile of this name"};
}

/// "NAME=VALUE", the value without escapes.
std::pair<std::string_view, std::string_view> pair_of(std::string_view query) {
    const std::size_t at = query.find('=');
    return at == std::string_view::npos ? std::pair(query, std::string_view())
                                        : std::pair(query.substr(0, at), query.substr(at + 1));
}

Result<std::string> proof(const Call& call) {
    const auto [name, value] = pair_of(call.query);
    if (name == "receipt_id") {
        return service::log_proof(call.appliance, crypto::Family::gateway_receipt, value);
    }
    if (name == "jti") {
        return service::log_proof(call.appliance, crypto::Family::cst, value);
    }
    const auto leaf = base::decimal_decode(value);
    if (name != "leaf" || !leaf.ok()) {
        return Error::at("query", "must be receipt_id=…, jti=… or leaf=NUMBER");
    }
    return service::log_proof(call.appliance, *leaf);
}

}  // namespace

Answer get_checkpoint(const Call& call) {
    return plain(service::log_checkpoint(call.appliance), kText);
}

Answer get_tile(const Call& call) {
    const auto id = claw::parse_tile_path("tile/" + std::string(call.rest));
    return id.ok() ? plain(service::log_tile(call.appliance, *id), kBytes)
                   : error_answer(no_such_tile());
}

Answer get_entries(const Call& call) {
    const auto id = claw::parse_entries_path("tile/entries/" + std::string(call.rest));
    return id.ok() ? plain(service::log_entries(call.appliance, id->index, id->width), kBytes)
                   : error_answer(no_such_tile());
}

Answer get_proof(const Call& call) {
    return plain(proof(call), kText);
}

}  // namespace clawsigner::daemon
