#include "daemon/answers.h"
#include "daemon/http_connection.h"
#include "service/refusals.h"

#include <boost/beast/http.hpp>

#include <tuple>

/// What goes out on a connection: the answer, and the log's line about it.
namespace clawsigner::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace wire;

namespace {

std::string operation_name(const Operation& operation) {
    return std::string(method_name(operation.method)).append(" ").append(operation.path);
}

}  // namespace

asio::awaitable<Answer> HttpConnection::answer(const Parser::value_type& request) {
    const Target target = target_of({request.target().data(), request.target().size()});
    if (operation_->query == Query::none && !target.query.empty()) {
        co_return error_answer(Error::at("query", "is not taken here"));
    }
    // Its body may have taken its time.
    if (const Status let_in = welcome(); !let_in.ok()) {
        co_return error_answer(let_in.error());
    }
    auto on_its_way = door_.appliance.ledger->company().come();
    const Call call{
        door_.appliance, door_.role,     rest_,
        target.query,    request.body(), {std::string(role_name(door_.role)), caller_.peer.uid},
        on_its_way,      door_.log,      door_.threads};
    Answer made;
    if (const auto* plain = std::get_if<PlainHandler>(&operation_->handler)) {
        made = (*plain)(call);
    } else {
        made = co_await std::get<SpreadHandler>(operation_->handler)(call);
    }
    if (door_.role == Role::admin && operation_->max_body > 0) {
        door_.access.follow();
    }
    if (!made.code.empty() && operation_->max_body > 0) {
        door_.appliance.refusals->note(call.caller, operation_name(*operation_), made.code,
                                       made.rule, call.body);
    }
    co_return made;
}

/// One line for every request that is refused, as far as the budget goes; for every one at all at
/// level debug.
void HttpConnection::log_request(const Answer& answer, const std::string& id) {
    const bool good = answer.code.empty();  // also for "not ready", which is an answer
    const auto level = good                   ? Log::Level::debug
                       : answer.status >= 500 ? Log::Level::warning
                                              : Log::Level::info;
    if (!door_.log.wants(level)) {
        return;
    }
    const auto left_out = good ? std::optional<std::size_t>(0) : door_.log_budget.take();
    if (!left_out) {
        return;
    }
    const auto took = std::chrono::steady_clock::now() - began_;
    claw::JsonWriter line;
    line.text("request", id)
        .text("role", role_name(door_.role))
        .text("operation", operation_ == nullptr ? "none" : operation_->path)
        .integer("status", answer.status)
        .integer("uid", caller_.peer.uid)
        .integer("us", std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    if (!good) {
        line.text("code", answer.code);
    }
    if (caller_.peer.pid_is_certain) {
        line.integer("pid", caller_.peer.pid);
    }
    if (*left_out > 0) {
        line.integer("left_out", static_cast<std::int64_t>(*left_out));
    }
    door_.log.event(good ? "request.answered" : "request.refused", level, std::move(line));
}

asio::awaitable<bool> HttpConnection::write(Answer answer, bool keep_alive, unsigned version) {
    const std::string id = ids_.next();
    log_request(answer, id);
    Response response = response_of(std::move(answer), id, keep_alive, version);
    if (bodiless_) {
        response.body().clear();
    }
    http::serializer<false, http::string_body> serializer(response);
    beast::error_code error;
    http::write(socket_, serializer, error);
    if (error == asio::error::would_block) {
        arm(door_.limits.write);
        std::tie(error, std::ignore) = co_await http::async_write(socket_, serializer, kUse);
    }
    co_return !error && keep_alive;
}

}  // namespace clawsigner::daemon
