#include "faultp11/effects.h"

#include <algorithm>
#include <chrono>
#include <signal.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace faultp11 {
namespace {

constexpr auto kHangPoll = std::chrono::milliseconds(2);

/// As if the module had written through a wild pointer: no handler, no sanitizer's report.
[[noreturn]] void crash(State& state) {
    state.count_crash();
    ::signal(SIGSEGV, SIG_DFL);
    sigset_t segv;
    ::sigemptyset(&segv);
    ::sigaddset(&segv, SIGSEGV);
    ::pthread_sigmask(SIG_UNBLOCK, &segv, nullptr);
    ::raise(SIGSEGV);
    ::_exit(128 + SIGSEGV);
}

/// Until the script does without the line.
void hang(Setup& setup, const Line& line) {
    const auto is_there = [&] {
        const auto script = setup.script();
        return std::ranges::find(script->lines, line.text, &Line::text) != script->lines.end();
    };
    while (is_there()) {
        std::this_thread::sleep_for(kHangPoll);
    }
}

void drop_sessions(Setup& setup) {
    const std::lock_guard alone(setup.gate);
    for (const CK_SESSION_HANDLE session : setup.sessions.drop_all()) {
        setup.real().C_CloseSession(session);
    }
}

void log_out(Setup& setup) {
    const std::lock_guard alone(setup.gate);
    if (const auto session = setup.sessions.any()) {
        setup.real().C_Logout(*session);
    }
}

std::optional<CK_RV> befall(Setup& setup, const Line& line) {
    switch (line.effect) {
        case Effect::refuse:
            return line.argument;
        case Effect::delay:
            std::this_thread::sleep_for(std::chrono::milliseconds(line.argument));
            break;
        case Effect::hang:
            hang(setup, line);
            break;
        case Effect::crash:
            crash(*setup.state);
        case Effect::drop_sessions:
            drop_sessions(setup);
            break;
        case Effect::logout:
            log_out(setup);
            break;
        default:
            break;  // befalls the arguments or the answer
    }
    return std::nullopt;
}

CK_KEY_TYPE key_type(CK_FUNCTION_LIST& real, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE wanted{CKA_KEY_TYPE, &type, sizeof type};
    real.C_GetAttributeValue(session, key, &wanted, 1);
    return type;
}

std::vector<CK_OBJECT_HANDLE> private_keys(CK_FUNCTION_LIST& real, CK_SESSION_HANDLE session) {
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted{CKA_CLASS, &object_class, sizeof object_class};
    std::vector<CK_OBJECT_HANDLE> keys(64);
    CK_ULONG count = 0;
    if (real.C_FindObjectsInit(session, &wanted, 1) == CKR_OK) {
        real.C_FindObjects(session, keys.data(), keys.size(), &count);
        real.C_FindObjectsFinal(session);
    }
    keys.resize(count);
    return keys;
}

}  // namespace

std::optional<CK_RV> before_call(Setup& setup, const Due& due) {
    if (due.script->error_line != 0) {
        return CKR_VENDOR_DEFINED + due.script->error_line;
    }
    for (const Line* line : due.lines) {
        setup.state->fire(*line);
        if (const auto answer = befall(setup, *line)) {
            return answer;
        }
    }
    return std::nullopt;
}

CK_OBJECT_HANDLE other_private_key(Setup& setup, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    const std::shared_lock beside_others(setup.gate);
    auto keys = private_keys(setup.real(), session);
    std::erase(keys, key);
    const auto type = key_type(setup.real(), session, key);
    const auto alike = std::ranges::find_if(
        keys, [&](auto other) { return key_type(setup.real(), session, other) == type; });
    if (alike != keys.end()) {
        return *alike;
    }
    return keys.empty() ? CK_INVALID_HANDLE : keys.front();
}

void after_signature(Setup& setup, const Due& due, CK_BYTE* signature, CK_ULONG size) {
    if (signature == nullptr || size == 0) {
        return;  // the caller only asked for the size
    }
    const std::vector<CK_BYTE> good(signature, signature + size);
    if (due.find(Effect::replay) != nullptr) {
        setup.signatures.replay(signature, size);
    }
    if (due.find(Effect::corrupt) != nullptr) {
        signature[size / 2] ^= 1U;
    }
    setup.signatures.remember(good.data(), good.size());
}

std::optional<CK_ULONG> session_limit(const Script& script) {
    std::optional<CK_ULONG> least;
    for (const Line& line : script.lines) {
        if (line.effect == Effect::limit) {
            least = std::min<CK_ULONG>(least.value_or(line.argument), line.argument);
        }
    }
    return least;
}

}  // namespace faultp11
