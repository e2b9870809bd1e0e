#pragma once

#include "base/error.h"

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace clawsigner::base {

/// Says on standard error what was there instead of what was read, and aborts.
[[noreturn]] void abort_on_wrong_half(const Error* found) noexcept;

template <class T>
class Result;
template <>
class Result<void>;

/// A value, or the Error that kept it from being made. Reading the half that is not there aborts
/// the process: a signer that goes on with a value it does not have is worse than one that stops.
///
/// Default-constructed it is an error of code `unset` (Asio's co_spawn needs a default): forgotten
/// results fail closed.
template <class T>
class [[nodiscard]] Result {
public:
    using Value = T;

    Result() : state_(std::in_place_index<0>) {}
    // Implicit on purpose, both: `return value;` and `return error;` are what the functions that
    // use it read like.
    Result(T value)  // NOLINT(google-explicit-constructor)
        : state_(std::in_place_index<1>, std::move(value)) {}
    Result(Error error)  // NOLINT(google-explicit-constructor)
        : state_(std::in_place_index<0>, std::move(error)) {}

    bool ok() const noexcept { return state_.index() == 1; }
    explicit operator bool() const noexcept { return ok(); }

    T& value() & { return checked<1>(); }
    const T& value() const& { return const_cast<Result*>(this)->template checked<1>(); }
    T&& value() && { return std::move(checked<1>()); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    /// Done, or the error: for those who have no use for the value.
    Result<void> status() const;

    const Error& error() const& { return const_cast<Result*>(this)->template checked<0>(); }
    Error&& error() && { return std::move(checked<0>()); }

private:
    template <std::size_t Index>
    auto& checked() {
        auto* half = std::get_if<Index>(&state_);
        if (half == nullptr) {
            abort_on_wrong_half(std::get_if<0>(&state_));
        }
        return *half;
    }

    std::variant<Error, T> state_;
};

/// Done, or the Error that kept it from being done.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error)  // NOLINT(google-explicit-constructor)
        : failed_(true), error_(std::move(error)) {}
    static Result done() {
        Result result;
        result.failed_ = false;
        return result;
    }

    bool ok() const noexcept { return !failed_; }
    explicit operator bool() const noexcept { return ok(); }

    const Error& error() const& {
        abort_unless_failed();
        return error_;
    }
    Error&& error() && {
        abort_unless_failed();
        return std::move(error_);
    }

private:
    void abort_unless_failed() const {
        if (!failed_) {
            abort_on_wrong_half(nullptr);
        }
    }

    bool failed_ = true;
    Error error_;
};

using Status = Result<void>;

template <class T>
Status Result<T>::status() const {
    return ok() ? Status::done() : Status(error());
}

}  // namespace clawsigner::base

namespace clawsigner {
using base::Result;
using base::Status;
}  // namespace clawsigner

#define CLAWSIGNER_JOIN_(a, b) a##b
#define CLAWSIGNER_JOIN(a, b) CLAWSIGNER_JOIN_(a, b)

/// TRY(auto key, find_key(id));  declares `key` or returns find_key's error from the enclosing
/// function.
// NOLINTBEGIN(bugprone-macro-parentheses): `declaration` is a declaration, it cannot stand in
// parentheses.
#define CLAWSIGNER_TRY_(held, declaration, expression) \
    auto held = (expression);                          \
    if (!held.ok()) {                                  \
        return std::move(held).error();                \
    }                                                  \
    declaration = std::move(held).value()
#define TRY(declaration, expression) \
    CLAWSIGNER_TRY_(CLAWSIGNER_JOIN(try_, __LINE__), declaration, expression)
// NOLINTEND(bugprone-macro-parentheses)

/// CHECK_OK(verify(signature));  returns verify's error from the enclosing function.
#define CHECK_OK(expression) \
    if (auto checked = (expression); !checked.ok()) return std::move(checked).error()
