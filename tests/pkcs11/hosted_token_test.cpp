#include "pkcs11/hosted_token.h"

#include "support/fault_module.h"
#include "support/softhsm.h"
#include "support/watched_backend.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;
using tests::SoftHsm;
using tests::Watched;

namespace {

const hsm::KeyName kFirst{Family::gateway_receipt, 1};
const hsm::KeyName kSecond{Family::gateway_receipt, 2};
const ByteView kMessage = base::as_bytes("m");

Deadline soon() {
    return base::deadline_in(5s);
}

pkcs11::TokenSettings hosted(const SoftHsm& hsm) {
    auto settings = hsm.settings();
    settings.host = pkcs11::HostProgram{
        CLAWSIGNERD, {{"SOFTHSM2_CONF", (hsm.dir() / "softhsm2.conf").string()}}};
    return settings;
}

/// The processes this one has started and not reaped.
std::vector<pid_t> children() {
    std::vector<pid_t> found;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream list(thread.path() / "children");
        for (pid_t pid = 0; list >> pid;) {
            found.push_back(pid);
        }
    }
    return found;
}

pid_t only_child() {
    const auto found = children();
    REQUIRE(found.size() == 1);
    return found.front();
}

/// Returns when it has stopped.
void stop(pid_t process) {
    siginfo_t info{};
    REQUIRE(::kill(process, SIGSTOP) == 0);
    REQUIRE(::waitid(P_PID, static_cast<id_t>(process), &info, WSTOPPED | WNOWAIT) == 0);
}

std::size_t descriptors(const std::string& process = "self") {
    const std::filesystem::directory_iterator begin("/proc/" + process + "/fd");
    return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("hosted token: a child makes keys and signs with both algorithms", "[pkcs11]") {
    const SoftHsm hsm;
    {
        Watched backend(hosted(hsm), hsm.dir() / "memory");
        backend.next(BackendState::ready);
        for (const auto& [name, algorithm] :
             {std::pair{kFirst, Algorithm::ed25519}, std::pair{kSecond, Algorithm::p256}}) {
            const auto key = backend->generate(name, algorithm).value();
            CHECK(key.attributes.never_extractable);
            CHECK(
                key.public_key.verifies(kMessage, backend->sign(key.id, kMessage, soon()).value()));
        }
        CHECK(backend->keys()->keys.size() == 2);
        CHECK_THAT(backend->status().device, Catch::Contains("token test"));
    }
    CHECK(children().empty());
}

TEST_CASE("hosted token: the child has its channels, its module's files and nothing else",
          "[pkcs11]") {
    const SoftHsm hsm;
    const auto settings = hosted(hsm);
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    CHECK(descriptors(std::to_string(only_child())) <= 3 + 1 + settings.sessions);
}

TEST_CASE("hosted token: a child that dies is noticed at once and replaced", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hosted(hsm), hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    const std::size_t before = descriptors();
    for (int i = 0; i < 3; ++i) {
        ::kill(only_child(), SIGKILL);
        const auto suspect = backend.next(BackendState::suspect);
        CHECK_THAT(suspect.why->message, Catch::Contains("signal 9"));
        backend.next(BackendState::ready);
        CHECK(key.public_key.verifies(kMessage, backend->sign(key.id, kMessage, soon()).value()));
    }
    CHECK(descriptors() == before);
}

TEST_CASE("hosted token: signals meant for the daemon do not end the child", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hosted(hsm), hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::kill(only_child(), signal);
    }
    CHECK(backend->sign(key.id, kMessage, soon()).ok());
    CHECK_FALSE(backend.changed());
}

TEST_CASE("hosted token: a child that hangs is killed at the deadline and replaced", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hosted(hsm), hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    stop(only_child());

    const auto began = std::chrono::steady_clock::now();
    const auto refused = backend->sign(key.id, kMessage, base::deadline_in(300ms));
    const auto took = std::chrono::steady_clock::now() - began;

    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::hsm_down);
    CHECK(took < 500ms);
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, kMessage, soon()).ok());
}

TEST_CASE("hosted token: a child that hangs while it opens is killed", "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hosted(hsm);
    settings.patience = 100ms;
    // Something that is no host: it takes the question and never answers.
    settings.host->executable = hsm.dir() / "silent";
    std::ofstream(settings.host->executable) << "#!/bin/sh\nexec sleep 1000\n";
    std::filesystem::permissions(settings.host->executable, std::filesystem::perms::owner_all);
    Watched backend(settings, hsm.dir() / "memory");
    const auto absent = backend.next(BackendState::absent);
    CHECK_THAT(absent.why->message, Catch::Contains("did not answer in time"));
}

TEST_CASE("hosted token: a PIN refused in the child is held here", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("wrong");
    Watched backend(hosted(hsm), hsm.dir() / "memory");
    const auto held = backend.next(BackendState::held);
    CHECK(held.why->call == "C_Login");
    CHECK(held.why->code == ErrorCode::pin_held);
    CHECK(std::filesystem::exists(hsm.dir() / "memory"));
}

TEST_CASE("hosted token: a program that cannot be started is named", "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hosted(hsm);
    settings.host->executable = "/nonexistent";
    Watched backend(settings, hsm.dir() / "memory");
    CHECK_THAT(backend.next(BackendState::absent).why->message, Catch::Contains("/nonexistent"));
}

TEST_CASE("hosted token: many who wait for one session are all answered", "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hosted(hsm);
    settings.sessions = 1;
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 8; ++i) {
            callers.emplace_back([&, i] {
                for (int n = 0; n < 20; ++n) {
                    const std::string message = std::to_string(i) + "/" + std::to_string(n);
                    const auto signature = backend->sign(key.id, base::as_bytes(message), soon());
                    if (signature.ok() &&
                        key.public_key.verifies(base::as_bytes(message), *signature)) {
                        ++good;
                    }
                }
            });
        }
    }
    CHECK(good == 160);
}

TEST_CASE("hosted token: when the child hangs, everybody who waits hears of it in time",
          "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hosted(hsm);
    settings.sessions = 1;
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    stop(only_child());
    std::atomic<int> refused{0};
    const auto began = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 8; ++i) {
            callers.emplace_back([&] {
                const auto answer = backend->sign(key.id, kMessage, began + 300ms);
                if (!answer.ok() && answer.error().code == ErrorCode::hsm_down) {
                    ++refused;
                }
            });
        }
    }
    CHECK(std::chrono::steady_clock::now() - began < 500ms);
    CHECK(refused == 8);
    backend.next(BackendState::ready);
}

TEST_CASE("hosted token: a device that is only slow refuses what it has no time for, and lives",
          "[pkcs11]") {
    const SoftHsm hsm;
    tests::FaultModule module;
    auto settings = hosted(hsm);
    settings.module = tests::FaultModule::path();
    for (const char* name : {"FAULTP11_MODULE", "FAULTP11_SCRIPT", "FAULTP11_STATE"}) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
        settings.host->environment.emplace_back(name, std::getenv(name));
    }
    settings.sessions = 1;
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    const pid_t child = only_child();
    module.script("C_Sign 0 * delay 350");
    std::atomic<int> signed_in_time{0};
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 8; ++i) {
            callers.emplace_back([&] {
                signed_in_time += backend->sign(key.id, kMessage, base::deadline_in(500ms)).ok();
            });
        }
    }
    CHECK(signed_in_time >= 1);
    CHECK(signed_in_time < 8);
    CHECK_FALSE(backend.changed());
    module.end_faults();
    CHECK(backend->sign(key.id, kMessage, soon()).ok());
    CHECK(only_child() == child);
}
