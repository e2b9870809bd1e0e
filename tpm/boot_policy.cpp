#include "tpm/boot_policy.h"

#include "crypto/digest.h"
#include "crypto/random.h"
#include "tpm/templates.h"

#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>

namespace clawsigner::tpm {
namespace {

constexpr std::string_view kPolicyRef = "clawsigner boot";
constexpr std::size_t kPcrOctets = 3;
constexpr std::size_t kMostDigests = 8;  // that TPM2_PCR_Read gives at once

/// policyDigest new = H(policyDigest old || …), Part 1, section 19.7.
Bytes extended(ByteView digest, std::initializer_list<ByteView> parts) {
    Bytes text(digest.begin(), digest.end());
    for (const ByteView part : parts) {
        text.insert(text.end(), part.begin(), part.end());
    }
    const auto hash = crypto::sha256(text);
    return {hash.begin(), hash.end()};
}

std::array<std::uint8_t, 4> command_bytes(std::uint32_t command) {
    return {static_cast<std::uint8_t>(command >> 24U), static_cast<std::uint8_t>(command >> 16U),
            static_cast<std::uint8_t>(command >> 8U), static_cast<std::uint8_t>(command)};
}

Bytes selection_bytes(const std::vector<unsigned>& pcrs) {
    const TPML_PCR_SELECTION selection = pcr_selection(pcrs);
    Bytes bytes(sizeof(selection));
    std::size_t size = 0;
    Tss2_MU_TPML_PCR_SELECTION_Marshal(&selection, bytes.data(), bytes.size(), &size);
    bytes.resize(size);
    return bytes;
}

TPM2B_PUBLIC approver_area(const crypto::PublicKey& approver) {
    TPM2B_PUBLIC key{};
    TPMT_PUBLIC& area = key.publicArea;
    area.type = TPM2_ALG_ECC;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH;
    area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    area.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    fill(area.unique.ecc.x, approver.x());
    fill(area.unique.ecc.y, approver.y());
    return key;
}

TPMT_SIGNATURE signature_of(const crypto::Signature& bytes) {
    TPMT_SIGNATURE signature{};
    signature.sigAlg = TPM2_ALG_ECDSA;
    signature.signature.ecdsa.hash = TPM2_ALG_SHA256;
    fill(signature.signature.ecdsa.signatureR, ByteView(bytes).first(32));
    fill(signature.signature.ecdsa.signatureS, ByteView(bytes).last(32));
    return signature;
}

Result<TPMT_TK_VERIFIED> ticket_for(const Stack& stack, const BootPolicy& policy,
                                    const BootApproval& approval) {
    const TPM2B_PUBLIC area = approver_area(policy.approver);
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(check("TPM2_LoadExternal",
                   Esys_LoadExternal(stack.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                     nullptr, &area, ESYS_TR_RH_OWNER, &raw)));
    const Flushed key(stack, raw);
    TPM2B_DIGEST digest{};
    fill(digest, crypto::sha256(approval_message(policy.pcrs, approval.state)));
    const TPMT_SIGNATURE signature = signature_of(approval.signature);
    TPMT_TK_VERIFIED* ticket = nullptr;
    CHECK_OK(check("TPM2_VerifySignature",
                   Esys_VerifySignature(stack.esys(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                        ESYS_TR_NONE, &digest, &signature, &ticket)));
    const EsysPtr<TPMT_TK_VERIFIED> owned(ticket);
    return *ticket;
}

}  // namespace

TPML_PCR_SELECTION pcr_selection(const std::vector<unsigned>& pcrs) {
    TPML_PCR_SELECTION selection{};
    selection.count = 1;
    selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
    selection.pcrSelections[0].sizeofSelect = kPcrOctets;
    for (const unsigned pcr : pcrs) {
        auto& octet = selection.pcrSelections[0].pcrSelect[pcr / 8];
        octet = static_cast<BYTE>(octet | (1U << (pcr % 8)));
    }
    return selection;
}

Bytes approval_message(const std::vector<unsigned>& pcrs, const BootState& state) {
    const std::array<std::uint8_t, 32> nothing{};
    Bytes message =
        extended(nothing, {command_bytes(TPM2_CC_PolicyPCR), selection_bytes(pcrs), state});
    const ByteView reference = base::as_bytes(kPolicyRef);
    message.insert(message.end(), reference.begin(), reference.end());
    return message;
}

Result<Bytes> boot_auth_policy(const crypto::PublicKey& approver) {
    const std::array<std::uint8_t, 32> nothing{};
    TRY(const Bytes name, name_of(approver_area(approver)));
    const Bytes by_approver = extended(nothing, {command_bytes(TPM2_CC_PolicyAuthorize), name});
    const Bytes referred = extended(by_approver, {base::as_bytes(kPolicyRef)});
    return extended(referred, {command_bytes(TPM2_CC_PolicyAuthValue)});
}

/// The TPM gives some values at a time, and says which.
Result<BootState> current_boot_state(ESYS_CONTEXT* esys, const std::vector<unsigned>& pcrs) {
    Bytes values;
    for (std::size_t from = 0; from < pcrs.size(); from += kMostDigests) {
        const std::size_t to = std::min(from + kMostDigests, pcrs.size());
        const std::vector<unsigned> some(pcrs.begin() + static_cast<std::ptrdiff_t>(from),
                                         pcrs.begin() + static_cast<std::ptrdiff_t>(to));
        const TPML_PCR_SELECTION selection = pcr_selection(some);
        TPML_DIGEST* read = nullptr;
        CHECK_OK(
            check("TPM2_PCR_Read", Esys_PCR_Read(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                                 &selection, nullptr, nullptr, &read)));
        const EsysPtr<TPML_DIGEST> digests(read);
        if (digests->count != some.size()) {
            return Error(ErrorCode::unsupported,
                         "the TPM does not give the values of the PCRs in its SHA-256 bank");
        }
        for (std::size_t i = 0; i < some.size(); ++i) {
            const TPM2B_DIGEST& value = digests->digests[i];
            values.insert(values.end(), value.buffer, value.buffer + value.size);
        }
    }
    const auto digest = crypto::sha256(values);
    return BootState(digest.begin(), digest.end());
}

void BootSessions::obey(BootPolicy policy) {
    policy_ = std::move(policy);
    approved_.reset();
}

Result<BootSessions::Approved> BootSessions::approved_now(const Stack& stack,
                                                          const BootPolicy& policy) {
    TRY(BootState state, current_boot_state(stack.esys(), policy.pcrs));
    const auto approval = std::ranges::find(policy.approvals, state, &BootApproval::state);
    if (approval == policy.approvals.end()) {
        return Error(
            ErrorCode::boot_not_approved,
            "the PCRs are in a state that nobody has approved: " + base::hex_encode(state));
    }
    TRY(const TPMT_TK_VERIFIED ticket, ticket_for(stack, policy, *approval));
    return Approved{std::move(state), ticket};
}

Status BootSessions::fulfil(const Stack& stack, ESYS_TR session, const BootPolicy& policy,
                            const Approved& now) {
    ESYS_CONTEXT* esys = stack.esys();
    TPM2B_DIGEST state{};
    fill(state, now.state);
    const TPML_PCR_SELECTION selection = pcr_selection(policy.pcrs);
    CHECK_OK(check("TPM2_PolicyPCR", Esys_PolicyPCR(esys, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                                    ESYS_TR_NONE, &state, &selection)));
    const Bytes message = approval_message(policy.pcrs, now.state);
    TPM2B_DIGEST approved{};
    fill(approved, ByteView(message).first(32));
    TPM2B_NONCE reference{};
    fill(reference, base::as_bytes(kPolicyRef));
    TPM2B_NAME approver{};
    TRY(const Bytes name, name_of(approver_area(policy.approver)));
    approver.size = static_cast<UINT16>(name.size());
    std::ranges::copy(name, approver.name);
    CHECK_OK(check("TPM2_PolicyAuthorize",
                   Esys_PolicyAuthorize(esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &approved, &reference, &approver, &now.ticket)));
    return check("TPM2_PolicyPassword",
                 Esys_PolicyPassword(esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE));
}

Result<Flushed> BootSessions::session(const Stack& stack) {
    TPM2B_NONCE nonce{};
    nonce.size =
        32;  // one of our own spares ESAPI's random generator, which costs more than the TPM
    CHECK_OK(crypto::fill_random(std::span(nonce.buffer, nonce.size)));
    TPMT_SYM_DEF none{};
    none.algorithm = TPM2_ALG_NULL;
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(check(
        "TPM2_StartAuthSession",
        Esys_StartAuthSession(stack.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, &nonce, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, &raw)));
    return Flushed(stack, raw);
}

Result<Flushed> BootSessions::fulfilled(const Stack& stack, const BootPolicy& policy,
                                        const Approved& now) {
    TRY(Flushed opened, session(stack));
    CHECK_OK(fulfil(stack, opened.get(), policy, now));
    return opened;
}

Result<Flushed> BootSessions::open(const Stack& stack) {
    if (!policy_) {
        return Error(ErrorCode::boot_not_approved,
                     "the key is bound to boot states, and its store is configured without PCRs");
    }
    if (approved_) {
        auto opened = fulfilled(stack, *policy_, *approved_);
        if (opened.ok() || remedy_of(opened.error()) == Remedy::reopen) {
            return opened;
        }
        approved_.reset();  // the PCRs have changed since, or somebody has
    }
    TRY(Approved now, approved_now(stack, *policy_));
    auto opened = fulfilled(stack, *policy_, now);
    if (opened.ok()) {
        approved_ = std::move(now);
    }
    return opened;
}

}  // namespace clawsigner::tpm
