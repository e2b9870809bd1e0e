#include "tpm/tpm_backend.h"

#include "support/swtpm.h"
#include "support/watched_tpm.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;
using tests::ServingTpm;
using tests::Swtpm;
using tests::WatchedTpm;

namespace {

const hsm::KeyName kFirst{Family::gateway_receipt, 1};

Deadline soon() {
    return base::deadline_in(5s);
}

bool signs(hsm::Backend& backend, const hsm::StoredKey& key) {
    const auto signature = backend.sign(key.id, base::as_bytes("m"), soon());
    return signature.ok() && key.public_key.verifies(base::as_bytes("m"), *signature);
}

}  // namespace

TEST_CASE("tpm backend: makes a key that stays in the TPM, and signs", "[tpm]") {
    const Swtpm swtpm;
    ServingTpm on(swtpm.settings());
    auto& [backend, key] = on;
    CHECK(signs(*backend, key));
    CHECK(key.attributes.local);
    CHECK_FALSE(key.attributes.extractable);
    CHECK(backend->keys()->keys.size() == 1);
    CHECK_THAT(backend->status().device, Catch::StartsWith("TPM 2.0 of IBM"));
}

TEST_CASE("tpm backend: a store that is opened again has its keys", "[tpm]") {
    const Swtpm swtpm;
    std::optional<hsm::StoredKey> key;
    {
        WatchedTpm backend(swtpm.settings());
        backend.next(BackendState::ready);
        key = backend->generate(kFirst, Algorithm::p256).value();
    }
    WatchedTpm backend(swtpm.settings());
    backend.next(BackendState::ready);
    REQUIRE(backend->keys()->keys.size() == 1);
    CHECK(backend->keys()->keys[0].public_key == key->public_key);
    CHECK(signs(*backend, *key));
}

TEST_CASE("tpm backend: more keys than the TPM has room for", "[tpm]") {
    const Swtpm swtpm;
    WatchedTpm backend(swtpm.settings());
    backend.next(BackendState::ready);
    std::vector<hsm::StoredKey> keys;
    for (std::uint32_t version = 1; version <= 6; ++version) {
        keys.push_back(
            backend->generate({Family::gateway_receipt, version}, Algorithm::p256).value());
    }
    for (int again = 0; again < 2; ++again) {
        for (const hsm::StoredKey& key : keys) {
            CHECK(signs(*backend, key));
        }
    }
}

TEST_CASE("tpm backend: a TPM that loses its power is opened again, with its keys", "[tpm]") {
    Swtpm swtpm;
    ServingTpm on(swtpm.settings());
    auto& [backend, key] = on;
    swtpm.kill();
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code == ErrorCode::hsm_down);
    CHECK(backend.next(BackendState::absent).why->code == ErrorCode::hsm_down);
    swtpm.start();
    backend.next(BackendState::ready);
    CHECK(signs(*backend, key));
}

TEST_CASE("tpm backend: a TPM reset between two calls is noticed by the second", "[tpm]") {
    Swtpm swtpm;
    ServingTpm on(swtpm.settings());
    auto& [backend, key] = on;
    swtpm.kill();
    swtpm.start();
    CHECK_FALSE(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
    backend.next(BackendState::ready);
    CHECK(signs(*backend, key));
}

TEST_CASE("tpm backend: a call that hangs is given up, and the TPM opened again when it answers",
          "[tpm]") {
    const Swtpm swtpm;
    auto settings = swtpm.settings();
    settings.call_timeout = 200ms;
    settings.open_timeout = 500ms;
    ServingTpm on(settings);
    auto& [backend, key] = on;
    swtpm.pause();
    const auto begun = std::chrono::steady_clock::now();
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code == ErrorCode::hsm_down);
    CHECK(std::chrono::steady_clock::now() - begun < 2s);
    backend.next(BackendState::suspect);
    backend.next(BackendState::absent);
    swtpm.resume();
    backend.next(BackendState::ready);
    CHECK(signs(*backend, key));
}

TEST_CASE("tpm backend: another TPM in its place is refused by name", "[tpm]") {
    Swtpm swtpm;
    ServingTpm on(swtpm.settings());
    auto& [backend, key] = on;
    swtpm.replace();
    CHECK_FALSE(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
    while (backend.next(BackendState::absent).why->code != ErrorCode::device_changed) {
    }
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code ==
          ErrorCode::device_changed);
}

TEST_CASE(
    "tpm backend: without what approves of its keys' boot states it makes nothing in its place",
    "[tpm]") {
    const Swtpm swtpm;
    auto settings = swtpm.settings();
    settings.pcrs = {0, 7};
    {
        WatchedTpm backend(settings);
        backend.next(BackendState::ready);
        REQUIRE(backend->generate(kFirst, Algorithm::p256).ok());
    }
    const auto boot = settings.directory / "boot";
    std::filesystem::rename(boot, swtpm.dir() / "aside");
    {
        WatchedTpm backend(settings);
        CHECK(backend.next(BackendState::absent).why->code == ErrorCode::key_quarantined);
    }
    CHECK_FALSE(std::filesystem::exists(boot / "approver.pub"));
    std::filesystem::remove_all(boot);
    std::filesystem::rename(swtpm.dir() / "aside", boot);
    WatchedTpm backend(settings);
    backend.next(BackendState::ready);
    CHECK(signs(*backend, backend->keys()->keys.at(0)));
}

TEST_CASE("tpm backend: a TPM of another manufacturer is not touched further", "[tpm]") {
    const Swtpm swtpm;
    auto settings = swtpm.settings();
    settings.only_manufacturer = "ACME";
    WatchedTpm backend(settings);
    CHECK(backend.next(BackendState::absent).why->code == ErrorCode::device_changed);
}

TEST_CASE("tpm backend: with an owner auth set and no storage root key it says what to do",
          "[tpm]") {
    const Swtpm swtpm;
    swtpm.tool("tpm2_changeauth -c owner secret");
    WatchedTpm backend(swtpm.settings());
    const auto why = *backend.next(BackendState::absent).why;
    CHECK(why.code == ErrorCode::device_auth);
    CHECK_THAT(why.message, Catch::Contains("tpm2_evictcontrol"));
}

TEST_CASE("tpm backend: a storage root key that is there needs no owner", "[tpm]") {
    const Swtpm swtpm;
    const std::string context = (swtpm.dir() / "srk.ctx").string();
    swtpm.tool("tpm2_createprimary -Q -C o -G ecc -c " + context);
    swtpm.tool("tpm2_evictcontrol -Q -C o -c " + context + " 0x81000001");
    swtpm.tool("tpm2_changeauth -c owner secret");
    WatchedTpm backend(swtpm.settings());
    backend.next(BackendState::ready);
    CHECK(signs(*backend, backend->generate(kFirst, Algorithm::p256).value()));
}

TEST_CASE("tpm backend: objects and sessions that others left are put out at the start", "[tpm]") {
    const Swtpm swtpm;
    for (int i = 0; i < 3; ++i) {
        swtpm.tool("tpm2_createprimary -Q -C n -G ecc");
    }
    CHECK_THAT(swtpm.tool("tpm2_getcap handles-transient"), Catch::Contains("0x80000002"));
    WatchedTpm backend(swtpm.settings());
    backend.next(BackendState::ready);
    CHECK(signs(*backend, backend->generate(kFirst, Algorithm::p256).value()));
}

TEST_CASE("tpm backend: a key destroyed is gone from the disk, and its name free", "[tpm]") {
    const Swtpm swtpm;
    ServingTpm on(swtpm.settings());
    auto& [backend, key] = on;
    REQUIRE(backend->destroy(key.id).ok());
    CHECK(backend->keys()->keys.empty());
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code ==
          ErrorCode::key_missing);
    for (const auto& entry : std::filesystem::directory_iterator(swtpm.settings().directory)) {
        CHECK_THAT(entry.path().filename().string(), !Catch::Contains(key.id.text()));
    }
    CHECK(backend->destroy(key.id).ok());
    CHECK(signs(*backend, backend->generate(kFirst, Algorithm::p256).value()));
}

TEST_CASE("tpm backend: a key file that was edited, or whose auth value is gone, is named",
          "[tpm]") {
    const Swtpm swtpm;
    std::filesystem::path directory = swtpm.settings().directory;
    std::optional<hsm::StoredKey> edited;
    std::optional<hsm::StoredKey> bare;
    {
        WatchedTpm backend(swtpm.settings());
        backend.next(BackendState::ready);
        edited = backend->generate(kFirst, Algorithm::p256).value();
        bare = backend->generate({Family::cst, 1}, Algorithm::p256).value();
    }
    const auto stem = [](const hsm::StoredKey& key) {
        return std::string(family_name(key.name.family)) + ".1." + key.id.text();
    };
    std::filesystem::remove(directory / (stem(*bare) + ".auth"));
    // The private half of one with the public half of another.
    auto file = directory / (stem(*edited) + ".pem");
    std::ifstream in(file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    auto parsed = tpm::parse_key_file(text).value();
    parsed.private_area[40] = static_cast<std::uint8_t>(parsed.private_area[40] ^ 1U);
    std::ofstream(file) << tpm::key_file_text(parsed);

    WatchedTpm backend(swtpm.settings());
    backend.next(BackendState::ready);
    CHECK(backend->keys()->keys.empty());
    REQUIRE(backend->keys()->unusable.size() == 2);
    CHECK(backend->keys()->unusable[0].why.code == ErrorCode::key_missing);
    CHECK(backend->keys()->unusable[1].why.code == ErrorCode::key_quarantined);
    for (const hsm::UnusableKey& key : std::vector(backend->keys()->unusable)) {
        CHECK(backend->discard(hsm::handle_of(key)).ok());
    }
    CHECK(backend->keys()->unusable.empty());
}
