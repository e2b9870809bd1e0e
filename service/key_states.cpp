#include "service/key_states.h"

#include <string>

namespace clawsigner::service {
namespace {

using claw::KeyState;

/// What a person does with a key in this state, where there is anything.
std::string_view way_on(KeyState state) noexcept {
    switch (state) {
        case KeyState::pending:
            return "it becomes active at its time, or is taken back with: clawsigner keys retire";
        case KeyState::active:
            return "it signs; clawsigner keys rotate makes its successor first";
        case KeyState::verify_only:
            return "it retires when its overlap ends, or with: clawsigner keys retire";
        case KeyState::retired:
            return "it can only be destroyed or declared compromised";
        case KeyState::destroyed:
            return "it is gone, and can only be declared compromised";
        case KeyState::compromised:
            return "it can only be destroyed";
    }
    return "";
}

}  // namespace

std::string_view key_event_name(KeyEvent event) noexcept {
    switch (event) {
        case KeyEvent::activate:
            return "activate";
        case KeyEvent::supersede:
            return "supersede";
        case KeyEvent::expire:
            return "expire";
        case KeyEvent::retire:
            return "retire";
        case KeyEvent::destroy:
            return "destroy";
        case KeyEvent::compromise:
            return "compromise";
    }
    return "";
}

Status apply(claw::KeyRecord& record, KeyEvent event) {
    const auto next = next_state(record.state, event);
    if (!next) {
        std::string message(crypto::family_name(record.family));
        message.append("/")
            .append(std::to_string(record.version))
            .append(" is ")
            .append(key_state_name(record.state))
            .append(" and cannot ")
            .append(key_event_name(event))
            .append(": ")
            .append(way_on(record.state));
        return Error(ErrorCode::illegal_transition, std::move(message));
    }
    record.state = *next;
    return Status::done();
}

}  // namespace clawsigner::service
