#include "tpm/device.h"
#include "tpm/templates.h"

#include <algorithm>
#include <utility>

/// What a TPM does with keys and sealed data, under which sessions (docs/adr/0014).
namespace clawsigner::tpm {
namespace {

/// The key's auth value is in ESAPI's own memory only while a command is under way.
class Authorisation {
public:
    Authorisation(ESYS_CONTEXT* esys, ESYS_TR object, const Secret& auth)
        : esys_(esys), object_(object) {
        TPM2B_AUTH value{};
        fill(value, auth.expose());
        Esys_TR_SetAuth(esys_, object_, &value);
        base::wipe_bytes(value.buffer);
    }
    ~Authorisation() {
        const TPM2B_AUTH nothing{};
        Esys_TR_SetAuth(esys_, object_, &nothing);
    }
    Authorisation(const Authorisation&) = delete;
    Authorisation& operator=(const Authorisation&) = delete;

private:
    ESYS_CONTEXT* esys_;
    ESYS_TR object_;
};

TPM2B_SENSITIVE_CREATE sensitive_of(const Secret& data, const Secret& auth) {
    TPM2B_SENSITIVE_CREATE sensitive{};
    fill(sensitive.sensitive.userAuth, auth.expose());
    fill(sensitive.sensitive.data, data.expose());
    return sensitive;
}

void wipe(TPM2B_SENSITIVE_CREATE& sensitive) {
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(&sensitive), sizeof(sensitive)});
}

Result<crypto::Signature> plain_signature(const TPMT_SIGNATURE& made) {
    const auto& [hash, r, s] = made.signature.ecdsa;
    crypto::Signature signature{};
    if (made.sigAlg != TPM2_ALG_ECDSA || r.size > 32 || s.size > 32) {
        return error_from("TPM2_Sign", TSS2_ESYS_RC_MALFORMED_RESPONSE);
    }
    std::copy_n(r.buffer, r.size, signature.begin() + (32 - r.size));
    std::copy_n(s.buffer, s.size, signature.begin() + (64 - s.size));
    crypto::use_low_s(signature);
    return signature;
}

}  // namespace

/// For what must not be read on the bus: its key is agreed upon with the storage root key.
Result<Flushed> Device::salted_session(TPMA_SESSION attributes) {
    TPMT_SYM_DEF aes{};
    aes.algorithm = TPM2_ALG_AES;
    aes.keyBits.aes = 128;
    aes.mode.aes = TPM2_ALG_CFB;
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_StartAuthSession", [&] {
        return Esys_StartAuthSession(esys(), srk_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &aes, TPM2_ALG_SHA256,
                                     &raw);
    }));
    Flushed session(*stack_, raw);
    CHECK_OK(check(
        "Esys_TRSess_SetAttributes",
        Esys_TRSess_SetAttributes(esys(), raw, attributes | TPMA_SESSION_CONTINUESESSION, 0xFF)));
    return session;
}

Result<KeyFile> Device::create_object(const TPM2B_PUBLIC& wanted, const Secret& data,
                                      const Secret& auth, KeyFile::Kind kind) {
    TRY(const Flushed session, salted_session(TPMA_SESSION_DECRYPT));
    TPM2B_SENSITIVE_CREATE sensitive = sensitive_of(data, auth);
    const TPM2B_DATA no_data{};
    const TPML_PCR_SELECTION no_pcrs{};
    TPM2B_PRIVATE* raw_private = nullptr;
    TPM2B_PUBLIC* raw_public = nullptr;
    const Status created = call("TPM2_Create", [&] {
        return Esys_Create(esys(), srk_, session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                           &wanted, &no_data, &no_pcrs, &raw_private, &raw_public, nullptr, nullptr,
                           nullptr);
    });
    wipe(sensitive);
    CHECK_OK(created);
    const EsysPtr<TPM2B_PRIVATE> private_area(raw_private);
    const EsysPtr<TPM2B_PUBLIC> public_area(raw_public);
    KeyFile file{kind, settings_.srk, {}, {}};
    TRY(file.public_area, marshal(*public_area));
    TRY(file.private_area, marshal(*private_area));
    return file;
}

Result<KeyFile> Device::create(const Secret& auth, ByteView policy) {
    return create_object(signing_template(policy), Secret(), auth, KeyFile::Kind::loadable);
}

Result<KeyFile> Device::seal(const Secret& data, const Secret& auth, ByteView policy) {
    return create_object(sealing_template(policy), data, auth, KeyFile::Kind::sealed);
}

Result<Flushed> Device::load_object(const TPM2B_PRIVATE& private_area,
                                    const TPM2B_PUBLIC& public_area) {
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_Load", [&] {
        return Esys_Load(esys(), srk_, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private_area,
                         &public_area, &raw);
    }));
    return Flushed(*stack_, raw);
}

Status Device::load_key(Key& key) {
    if (!key.loaded) {
        TRY(key.loaded, load_object(key.private_area, key.public_area));
    }
    key.used = ++uses_;
    return Status::done();
}

Result<crypto::PublicKey> Device::load(const hsm::KeyId& id, const KeyFile& file,
                                       std::shared_ptr<const Secret> auth) {
    Key key;
    TRY(key.public_area, unmarshal_public(file.public_area));
    TRY(key.private_area, unmarshal_private(file.private_area));
    key.auth = std::move(auth);
    if (file.kind != KeyFile::Kind::loadable || !is_signing_key(key.public_area)) {
        return Error(ErrorCode::key_quarantined,
                     "the key file is of no key that only signs and cannot leave its TPM");
    }
    TRY(auto public_key, public_key_of(key.public_area));
    CHECK_OK(load_key(key));
    keys_[id] = std::move(key);
    return public_key;
}

Status Device::authorised(std::string_view name, ESYS_TR object, const TPM2B_PUBLIC& area,
                          const Secret& auth,
                          const std::function<TSS2_RC(ESYS_TR session)>& command) {
    const Authorisation authorisation(esys(), object, auth);
    if (area.publicArea.authPolicy.size == 0) {
        return call(name, [&] { return command(ESYS_TR_PASSWORD); });
    }
    std::optional<Error> no_session;
    const Status done = call(name, [&]() -> TSS2_RC {
        // One for each try: a policy session serves one command, also one that fails.
        auto session = boot_.open(*stack_);
        if (!session.ok() && clear_gap(session.error())) {
            session = boot_.open(*stack_);
        }
        if (!session.ok()) {
            no_session = session.error();
            return TSS2_RC_SUCCESS;
        }
        return command(session->get());
    });
    return no_session ? Status(*std::move(no_session)) : done;
}

Result<crypto::Signature> Device::sign(const hsm::KeyId& id, ByteView digest) {
    const auto found = keys_.find(id);
    if (found == keys_.end()) {
        return Error(ErrorCode::key_missing, "key " + id.text() + " is not in the TPM");
    }
    Key& key = found->second;
    in_use_ = &key;
    CHECK_OK(load_key(key));
    TPM2B_DIGEST message{};
    fill(message, digest);
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;  // the key's own
    TPMT_TK_HASHCHECK ticket{};
    ticket.tag = TPM2_ST_HASHCHECK;
    ticket.hierarchy = TPM2_RH_NULL;
    TPMT_SIGNATURE* raw = nullptr;
    CHECK_OK(
        authorised("TPM2_Sign", key.loaded.get(), key.public_area, *key.auth, [&](ESYS_TR session) {
            return Esys_Sign(esys(), key.loaded.get(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                             &message, &scheme, &ticket, &raw);
        }));
    const EsysPtr<TPMT_SIGNATURE> signature(raw);
    return plain_signature(*signature);
}

Result<Secret> Device::unseal(const KeyFile& file, const Secret& auth) {
    TRY(const TPM2B_PUBLIC public_area, unmarshal_public(file.public_area));
    TRY(const TPM2B_PRIVATE private_area, unmarshal_private(file.private_area));
    if (file.kind != KeyFile::Kind::sealed || !is_sealed_data(public_area)) {
        return Error(ErrorCode::key_quarantined, "the key file is of nothing that was sealed here");
    }
    in_use_ = nullptr;
    TRY(const Flushed object, load_object(private_area, public_area));
    TRY(const Flushed hiding, salted_session(TPMA_SESSION_ENCRYPT));
    TPM2B_SENSITIVE_DATA* raw = nullptr;
    CHECK_OK(authorised("TPM2_Unseal", object.get(), public_area, auth, [&](ESYS_TR session) {
        return Esys_Unseal(esys(), object.get(), session, hiding.get(), ESYS_TR_NONE, &raw);
    }));
    const EsysPtr<TPM2B_SENSITIVE_DATA> data(raw);
    auto secret = Secret::copy_of({data->buffer, data->size});
    base::wipe_bytes(data->buffer);
    // What ESAPI has decrypted stands where the next answer goes.
    CHECK_OK(random(32));
    return secret;
}

}  // namespace clawsigner::tpm
