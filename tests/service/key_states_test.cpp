#include "service/key_states.h"

#include <catch2/catch.hpp>

#include <set>
#include <utility>

using namespace clawsigner;
using claw::KeyState;
using service::KeyEvent;

namespace {

claw::KeyRecord record_in(KeyState state) {
    return {crypto::Family::cst,
            1,
            state,
            crypto::PublicKey::ed25519(Bytes(32, 0x58)).value(),
            "0123456789abcdef",
            UnixMillis(),
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {}};
}

}  // namespace

TEST_CASE("key states: every step in the table is taken, and no other", "[service]") {
    std::set<std::pair<KeyState, KeyEvent>> legal;
    for (const service::Transition& transition : service::kTransitions) {
        legal.emplace(transition.from, transition.event);
        auto record = record_in(transition.from);
        REQUIRE(service::apply(record, transition.event).ok());
        CHECK(record.state == transition.to);
    }
    CHECK(legal.size() == service::kTransitions.size());
    for (const KeyState state : claw::kKeyStates) {
        for (const KeyEvent event : service::kKeyEvents) {
            if (legal.contains({state, event})) {
                continue;
            }
            auto record = record_in(state);
            const Status refused = service::apply(record, event);
            REQUIRE_FALSE(refused.ok());
            CHECK(refused.error().code == ErrorCode::illegal_transition);
            CHECK(record.state == state);
        }
    }
}

TEST_CASE("key states: a key that signs cannot be destroyed, and nothing comes back", "[service]") {
    CHECK_FALSE(service::next_state(KeyState::active, KeyEvent::destroy).has_value());
    for (const KeyEvent event : service::kKeyEvents) {
        for (const KeyState dead : {KeyState::verify_only, KeyState::retired, KeyState::destroyed,
                                    KeyState::compromised}) {
            const auto next = service::next_state(dead, event);
            CHECK((!next || (*next != KeyState::active && *next != KeyState::pending)));
        }
        const auto next = service::next_state(KeyState::compromised, event);
        CHECK((!next || *next == KeyState::compromised));
    }
}
