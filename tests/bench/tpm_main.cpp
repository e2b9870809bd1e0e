// clawsigner_tpm_bench TCTI DIRECTORY SECONDS: what a TPM signs in a second, bare and through the
// key store, and what each kind of session costs, as one line of JSON.
// clawsigner_tpm_bench TCTI DIRECTORY soak COUNT [PCRS]: so many signatures, each verified; the
// first that fails ends it.

#include "base/clock.h"
#include "tpm/tpm_backend.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace clawsigner;
using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "clawsigner_tpm_bench: %s\n", why.c_str());
    std::exit(1);
}

void must(const char* what, TSS2_RC rc) {
    if (rc != TSS2_RC_SUCCESS) {
        die(std::string(what) + " answered " + std::to_string(rc));
    }
}

double rate(std::chrono::duration<double> span, const std::function<void()>& once) {
    for (int i = 0; i < 20; ++i) {
        once();
    }
    const auto begun = Clock::now();
    std::size_t count = 0;
    while (Clock::now() - begun < span) {
        once();
        ++count;
    }
    return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begun).count();
}

/// The least that a signature costs: a P-256 key that stays loaded, and nothing but Esys_Sign.
class Bare {
public:
    explicit Bare(const std::string& tcti) {
        must("Tss2_TctiLdr_Initialize", Tss2_TctiLdr_Initialize(tcti.c_str(), &tcti_));
        must("Esys_Initialize", Esys_Initialize(&esys_, tcti_, nullptr));
        TPM2B_SENSITIVE_CREATE sensitive{};
        sensitive.sensitive.userAuth.size = 4;
        std::memcpy(sensitive.sensitive.userAuth.buffer, "auth", 4);
        TPM2B_PUBLIC area{};
        TPMT_PUBLIC& key = area.publicArea;
        key.type = TPM2_ALG_ECC;
        key.nameAlg = TPM2_ALG_SHA256;
        key.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                               TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                               TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT;
        key.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
        key.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
        key.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
        key.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        key.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
        const TPM2B_DATA nothing{};
        const TPML_PCR_SELECTION no_pcrs{};
        must("Esys_CreatePrimary",
             Esys_CreatePrimary(esys_, ESYS_TR_RH_NULL, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                ESYS_TR_NONE, &sensitive, &area, &nothing, &no_pcrs, &key_, nullptr,
                                nullptr, nullptr, nullptr));
        must("Esys_TR_SetAuth", Esys_TR_SetAuth(esys_, key_, &sensitive.sensitive.userAuth));
    }
    ~Bare() {
        Esys_FlushContext(esys_, key_);
        Esys_Finalize(&esys_);
        Tss2_TctiLdr_Finalize(&tcti_);
    }
    Bare(const Bare&) = delete;
    Bare& operator=(const Bare&) = delete;

    void sign(ESYS_TR session) const {
        TPM2B_DIGEST digest{};
        digest.size = 32;
        TPMT_SIG_SCHEME scheme{};
        scheme.scheme = TPM2_ALG_NULL;
        TPMT_TK_HASHCHECK ticket{};
        ticket.tag = TPM2_ST_HASHCHECK;
        ticket.hierarchy = TPM2_RH_NULL;
        TPMT_SIGNATURE* signature = nullptr;
        must("Esys_Sign", Esys_Sign(esys_, key_, session, ESYS_TR_NONE, ESYS_TR_NONE, &digest,
                                    &scheme, &ticket, &signature));
        Esys_Free(signature);
    }

    /// A session for one command, `salted` for what must not be read on the bus.
    void sign_with_hmac(bool salted) const {
        TPMT_SYM_DEF symmetric{};
        symmetric.algorithm = salted ? TPM2_ALG_AES : TPM2_ALG_NULL;
        symmetric.keyBits.aes = 128;
        symmetric.mode.aes = TPM2_ALG_CFB;
        ESYS_TR session = ESYS_TR_NONE;
        ESYS_TR salt = ESYS_TR_NONE;
        if (salted) {
            must("Esys_TR_FromTPMPublic", Esys_TR_FromTPMPublic(esys_, 0x81000001, ESYS_TR_NONE,
                                                                ESYS_TR_NONE, ESYS_TR_NONE, &salt));
        }
        must("Esys_StartAuthSession",
             Esys_StartAuthSession(esys_, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256,
                                   &session));
        const TPMA_SESSION encrypt = salted ? TPMA_SESSION_DECRYPT : 0;
        Esys_TRSess_SetAttributes(esys_, session, TPMA_SESSION_CONTINUESESSION | encrypt, 0xFF);
        sign(session);
        Esys_FlushContext(esys_, session);
        if (salted) {
            Esys_TR_Close(esys_, &salt);
        }
    }

private:
    TSS2_TCTI_CONTEXT* tcti_ = nullptr;
    ESYS_CONTEXT* esys_ = nullptr;
    ESYS_TR key_ = ESYS_TR_NONE;
};

struct Store {
    explicit Store(const std::string& tcti, const std::string& directory,
                   std::vector<unsigned> pcrs) {
        tpm::TpmSettings settings;
        settings.tcti = tcti;
        settings.directory = directory;
        settings.pcrs = std::move(pcrs);
        settings.only_manufacturer = "IBM";  // never a hardware TPM
        backend = std::make_unique<tpm::TpmBackend>(settings, tpm::TpmBackend::Options(), clock);
        const auto end = Clock::now() + std::chrono::seconds(20);
        while (backend->status().state != hsm::BackendState::ready) {
            if (Clock::now() > end) {
                die("the TPM did not open");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        auto made =
            backend->generate({crypto::Family::gateway_receipt, 1}, crypto::Algorithm::p256);
        if (!made.ok()) {
            die(made.error().message);
        }
        key = *made;
    }
    crypto::Signature sign() {
        auto signature =
            backend->sign(key->id, base::as_bytes("m"), base::deadline_in(std::chrono::seconds(5)));
        if (!signature.ok()) {
            die(signature.error().message);
        }
        return *signature;
    }

    base::SystemClock clock;
    std::unique_ptr<tpm::TpmBackend> backend;
    std::optional<hsm::StoredKey> key;
};

int measure(const std::string& tcti, const std::string& directory, double seconds) {
    const std::chrono::duration<double> span(seconds);
    Store native(tcti, directory + "/native", {});
    const double store = rate(span, [&] { native.sign(); });
    // Closed before the bare loop: two users of one TPM without a resource manager share three
    // places for objects.
    native.backend.reset();
    double bare = 0;
    double hmac = 0;
    double salted = 0;
    {
        const Bare loop(tcti);
        bare = rate(span, [&] { loop.sign(ESYS_TR_PASSWORD); });
        hmac = rate(span, [&] { loop.sign_with_hmac(false); });
        salted = rate(span, [&] { loop.sign_with_hmac(true); });
    }
    Store bound(tcti, directory + "/bound", {0, 7});
    const double policy = rate(span, [&] { bound.sign(); });
    std::printf(
        "{\"bare\":%.0f,\"store\":%.0f,\"ratio\":%.3f,\"hmac\":%.0f,\"salted\":%.0f,"
        "\"store_with_pcrs\":%.0f}\n",
        bare, store, store / bare, hmac, salted, policy);
    return 0;
}

int soak(const std::string& tcti, const std::string& directory, long count, bool bound) {
    Store store(tcti, directory + "/soak",
                bound ? std::vector<unsigned>{0, 7} : std::vector<unsigned>());
    for (long i = 0; i < count; ++i) {
        if (!store.key->public_key.verifies(base::as_bytes("m"), store.sign())) {
            die("a signature did not verify");
        }
    }
    std::printf("%ld signatures, 0 errors\n", count);
    return 0;
}

}  // namespace

int main(int count, char** words) {
    ::setenv("TSS2_LOG", "all+NONE", 0);
    if (count >= 5 && std::string(words[3]) == "soak") {
        return soak(words[1], words[2], std::atol(words[4]), count > 5);
    }
    if (count == 4) {
        return measure(words[1], words[2], std::atof(words[3]));
    }
    die("see its source for what it takes");
}
