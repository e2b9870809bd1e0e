#pragma once

#include "base/result.h"
#include "claw/key_record.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace clawsigner::service {

/// What can happen to a version of a key after it was made.
enum class KeyEvent : std::uint8_t {
    activate,    // it signs from here on
    supersede,   // another one does
    expire,      // its overlap has ended
    retire,      // taken back by hand before it was active, or before its overlap ended
    destroy,     // it is gone from its store
    compromise,  // somebody else may have it
};

inline constexpr std::array kKeyEvents{KeyEvent::activate, KeyEvent::supersede,
                                       KeyEvent::expire,   KeyEvent::retire,
                                       KeyEvent::destroy,  KeyEvent::compromise};

struct Transition {
    claw::KeyState from;
    KeyEvent event;
    claw::KeyState to;
};

/// Every transition there is. What is not here is refused as ILLEGAL_TRANSITION.
inline constexpr std::array kTransitions{
    // clang-format off
    Transition{claw::KeyState::pending,     KeyEvent::activate,   claw::KeyState::active},
    Transition{claw::KeyState::pending,     KeyEvent::retire,     claw::KeyState::retired},
    Transition{claw::KeyState::active,      KeyEvent::supersede,  claw::KeyState::verify_only},
    Transition{claw::KeyState::verify_only, KeyEvent::expire,     claw::KeyState::retired},
    Transition{claw::KeyState::verify_only, KeyEvent::retire,     claw::KeyState::retired},
    Transition{claw::KeyState::retired,     KeyEvent::destroy,    claw::KeyState::destroyed},
    Transition{claw::KeyState::compromised, KeyEvent::destroy,    claw::KeyState::compromised},
    Transition{claw::KeyState::pending,     KeyEvent::compromise, claw::KeyState::compromised},
    Transition{claw::KeyState::active,      KeyEvent::compromise, claw::KeyState::compromised},
    Transition{claw::KeyState::verify_only, KeyEvent::compromise, claw::KeyState::compromised},
    Transition{claw::KeyState::retired,     KeyEvent::compromise, claw::KeyState::compromised},
    Transition{claw::KeyState::destroyed,   KeyEvent::compromise, claw::KeyState::compromised},
    // clang-format on
};

constexpr std::optional<claw::KeyState> next_state(claw::KeyState from, KeyEvent event) noexcept {
    for (const Transition& transition : kTransitions) {
        if (transition.from == from && transition.event == event) {
            return transition.to;
        }
    }
    return std::nullopt;
}

/// "activate", "destroy", … Static storage.
std::string_view key_event_name(KeyEvent event) noexcept;

/// Moves the record. Error: illegal_transition, with what can be done instead.
Status apply(claw::KeyRecord& record, KeyEvent event);

}  // namespace clawsigner::service
