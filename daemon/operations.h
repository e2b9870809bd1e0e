#pragma once

#include "daemon/http.h"
#include "daemon/log.h"
#include "daemon/role.h"
#include "service/appliance.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace clawsigner::daemon {

/// One request, as its handler sees it. Lives until the answer is made.
struct Call {
    const service::Appliance& appliance;
    Role role;
    std::string_view rest;   // of the path, behind an operation's '*'
    std::string_view query;  // without '?'
    std::string_view body;
    claw::LeafCaller caller;
    /// The request is on its way to the ledger, until it is there.
    ledger::Company::Member& on_its_way;
    const Log& log;
    /// All of the socket's threads, over which work may be spread.
    std::span<const boost::asio::any_io_executor> threads;
};

/// Most handlers answer at once, on the thread that read the request; a few spread over threads and
/// are awaited.
using PlainHandler = Answer (*)(const Call&);
using SpreadHandler = boost::asio::awaitable<Answer> (*)(const Call&);

/// Does the operation take a query? Where it does not, any is refused.
enum class Query : std::uint8_t { none, taken };

/// What can be asked: everything that is not in the table does not exist.
struct Operation {
    Method method;
    std::string_view path;  // "/a/b", or "/a/b/*" for everything below
    Roles roles;
    std::size_t max_body;  // bytes
    Query query;
    std::variant<PlainHandler, SpreadHandler> handler;
};

std::span<const Operation> operations() noexcept;

/// The largest max_body in the table.
std::size_t largest_body() noexcept;

/// The operation, or why there is none for this role: not_found, or method_not_allowed with the
/// methods there are.
struct Lookup {
    const Operation* operation = nullptr;
    std::string_view rest;  // of the path asked for, behind the operation's '*'
    std::string
        allowed;  // "GET, POST": not empty exactly when the path exists, but not with this method
};
Lookup find_operation(Role role, std::string_view method, std::string_view path);

}  // namespace clawsigner::daemon
