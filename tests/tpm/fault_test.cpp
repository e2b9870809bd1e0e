#include "faulttpm.h"
#include "hsm/keyring.h"
#include "support/comes_true.h"
#include "support/swtpm.h"
#include "support/watched_tpm.h"
#include "tpm/response.h"

#include <catch2/catch.hpp>
#include <tss2/tss2_tpm2_types.h>

#include <array>
#include <optional>

/// Every command that the store sends, with everything that can go wrong with it.
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
const hsm::KeyName kSecond{Family::gateway_receipt, 2};

struct Command {
    const char* name;
    std::uint32_t code;
};

/// Of a store that is opened again, makes a key, signs and destroys it.
constexpr std::array kServing{Command{"GetCapability", TPM2_CC_GetCapability},
                              Command{"Startup", TPM2_CC_Startup},
                              Command{"ReadPublic", TPM2_CC_ReadPublic},
                              Command{"Load", TPM2_CC_Load},
                              Command{"LoadExternal", TPM2_CC_LoadExternal},
                              Command{"VerifySignature", TPM2_CC_VerifySignature},
                              Command{"PCR_Read", TPM2_CC_PCR_Read},
                              Command{"StartAuthSession", TPM2_CC_StartAuthSession},
                              Command{"PolicyPCR", TPM2_CC_PolicyPCR},
                              Command{"PolicyAuthorize", TPM2_CC_PolicyAuthorize},
                              Command{"PolicyPassword", TPM2_CC_PolicyPassword},
                              Command{"Sign", TPM2_CC_Sign},
                              Command{"FlushContext", TPM2_CC_FlushContext},
                              Command{"GetRandom", TPM2_CC_GetRandom},
                              Command{"Create", TPM2_CC_Create},
                              Command{"Shutdown", TPM2_CC_Shutdown}};

/// Of one that meets its TPM for the first time, and unseals a key.
constexpr std::array kFirstTime{Command{"CreatePrimary", TPM2_CC_CreatePrimary},
                                Command{"EvictControl", TPM2_CC_EvictControl},
                                Command{"Unseal", TPM2_CC_Unseal}};

tpm::TpmSettings faulty(const Swtpm& swtpm) {
    auto settings = swtpm.settings();
    settings.tcti = std::string(CLAWSIGNER_FAULTTPM) + ":" + swtpm.tcti();
    settings.pcrs = {0, 7};
    settings.call_timeout = 300ms;
    settings.open_timeout = 500ms;
    return settings;
}

/// Whatever has happened, it is ready again when nothing goes wrong any more.
void wait_ready(WatchedTpm& backend) {
    const auto is_ready = [&] { return backend->status().state == BackendState::ready; };
    const bool in_time = tests::comes_true(is_ready, 20s);
    const auto status = backend->status();
    INFO(state_name(status.state) << ": " << (status.why ? status.why->message : ""));
    REQUIRE(in_time);
}

void prove_anew(WatchedTpm& backend, const hsm::KeyId& key) {
    wait_ready(backend);
    backend->distrust(key);
    wait_ready(backend);
}

/// Everything the store does once it is open. What it returns must be right or be an error.
void use(WatchedTpm& backend, const hsm::StoredKey& key) {
    const auto signature = backend->sign(key.id, base::as_bytes("m"), base::deadline_in(400ms));
    if (signature.ok()) {
        CHECK(key.public_key.verifies(base::as_bytes("m"), *signature));
    } else {
        CHECK_FALSE(signature.error().message.empty());
    }
    const auto made = backend->generate(kSecond, Algorithm::p256);
    if (made.ok()) {
        CHECK(backend->destroy(made->id).ok() == !backend->keys()->keys.empty());
    }
}

/// After the fault there is nothing left of it.
void clean_up(WatchedTpm& backend, const hsm::StoredKey& key) {
    faulttpm_reset();
    prove_anew(backend, key.id);
    for (const hsm::StoredKey& other : std::vector(backend->keys()->keys)) {
        if (other.name == kSecond) {
            REQUIRE(backend->destroy(other.id).ok());
        }
    }
    for (const hsm::UnusableKey& other : std::vector(backend->keys()->unusable)) {
        INFO(other.label << ": " << other.why.message);
        REQUIRE(backend->discard(hsm::handle_of(other)).ok());
    }
    REQUIRE(backend->keys()->keys.size() == 1);
    const auto signature = backend->sign(key.id, base::as_bytes("m"), base::deadline_in(5s));
    INFO((signature.ok() ? "" : signature.error().message));
    REQUIRE(signature.ok());
    CHECK(key.public_key.verifies(base::as_bytes("m"), *signature));
}

void suffer(WatchedTpm& backend, const hsm::StoredKey& key, const Command& command,
            FaultEffect effect, std::uint32_t response) {
    for (const bool while_opening : {true, false}) {
        faulttpm_plan(command.code, 0, effect, response);
        if (while_opening) {
            backend->distrust(key.id);
        }
        use(backend, key);
        clean_up(backend, key);
    }
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("tpm faults: every response code to a command of a store that serves",
                       "[tpm]", ((std::size_t Number), Number), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                       11, 12, 13, 14, 15) {
    static_assert(kServing.size() == 16);
    const Swtpm swtpm;
    faulttpm_reset();
    ServingTpm on(faulty(swtpm));
    auto& [backend, key] = on;
    const Command& command = kServing[Number];
    for (const tpm::ResponseCode& row : tpm::response_codes()) {
        INFO(command.name << ": " << row.name);
        // One of a handle, session or parameter means the same.
        const bool format_one = (row.code & 0x80U) != 0;
        suffer(backend, key, command, fault_return, format_one ? row.code | 0x1C0U : row.code);
    }
}

TEST_CASE("tpm faults: a lost connection, a wrong and a senseless answer, to every command",
          "[tpm]") {
    const Swtpm swtpm;
    faulttpm_reset();
    ServingTpm on(faulty(swtpm));
    auto& [backend, key] = on;
    for (const Command& command : kServing) {
        for (const FaultEffect effect : {fault_cut, fault_garbage}) {
            INFO(command.name << ", effect " << effect);
            suffer(backend, key, command, effect, 0);
        }
    }
    for (const Command& command : kServing) {
        INFO(command.name);
        CHECK(faulttpm_sent(command.code) > 0);
    }
}

TEST_CASE("tpm faults: a hang in every command is left behind", "[tpm]") {
    const Swtpm swtpm;
    faulttpm_reset();
    ServingTpm on(faulty(swtpm));
    auto& [backend, key] = on;
    for (const Command& command : kServing) {
        INFO(command.name);
        faulttpm_plan(command.code, 0, fault_hang, 0);
        const auto begun = std::chrono::steady_clock::now();
        use(backend, key);
        CHECK(std::chrono::steady_clock::now() - begun < 5s);
        clean_up(backend, key);
    }
}

TEST_CASE("tpm faults: a signature with a wrong bit is never handed out", "[tpm]") {
    const Swtpm swtpm;
    faulttpm_reset();
    ServingTpm on(faulty(swtpm));
    auto& [backend, key] = on;
    hsm::Keyring keyring(
        {{Family::gateway_receipt, {&*backend, Algorithm::p256, hsm::Custody::tpm}}}, {});
    keyring.assign(Family::gateway_receipt, {hsm::AssignedKey{key.id, key.public_key}, {}, {}});
    const auto active = keyring.active(Family::gateway_receipt).value();
    faulttpm_plan(TPM2_CC_Sign, 0, fault_corrupt, 0);
    CHECK(active->probe(base::deadline_in(5s)).error().code == ErrorCode::key_quarantined);
    CHECK(faulttpm_fired());
    backend.next(BackendState::suspect);
    backend.next(BackendState::ready);
    CHECK(active->probe(base::deadline_in(5s)).ok());
}

TEST_CASE("tpm faults: every response code, while a TPM is met for the first time", "[tpm]") {
    const Swtpm swtpm;
    const Command command = GENERATE(from_range(kFirstTime.begin(), kFirstTime.end()));
    for (const tpm::ResponseCode& row : tpm::response_codes()) {
        INFO(command.name << ": " << row.name);
        auto settings = faulty(swtpm);
        settings.directory = swtpm.dir() / (std::string(command.name) + std::string(row.name));
        settings.srk = 0x81000100;
        faulttpm_reset();
        std::optional<hsm::StoredKey> key;
        if (command.code == TPM2_CC_Unseal) {
            WatchedTpm before(settings);
            before.next(BackendState::ready);
            key = before->generate(kFirst, Algorithm::ed25519).value();
        } else {
            swtpm.forget_persistent(settings.srk);
        }
        faulttpm_plan(command.code, 0, fault_return, row.code);
        WatchedTpm backend(settings);
        wait_ready(backend);
        CHECK(faulttpm_fired());
        if (key) {
            prove_anew(backend, key->id);
            CHECK(backend->sign(key->id, base::as_bytes("m"), base::deadline_in(5s)).ok());
        }
    }
}
