#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/family.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::crypto {

/// Do these bytes have a form that keys of `family` sign? No form is shared with a probe's, and
/// with another family's only where the ecosystem made it so: the envelopes of gateway_receipt and
/// work_policy are both signed as 43 characters of base64url. Everywhere else a key cannot be
/// talked into signing another family's artefact, whoever builds the bytes.
///
///   gateway_receipt   43 characters of base64url (the hash of an envelope's payload), or a JSON
///                     text that begins {"version":"1.0", (the legacy receipt)
///   cst               a JWS signing input whose header is a JSON object: eyJ….eyJ…
///   work_policy       43 characters of base64url (the hash of an envelope's payload)
///   checkpoint        three lines, each with its newline: an origin without control characters
///                     that does not begin with '{' or as a probe does; a decimal number; base64 of
///                     32 bytes
///
/// What keeps the two envelopes apart is that no 43 characters come from a caller: claw hashes a
/// payload it has built or parsed itself, into the SigningInput of its own family. The payloads are
/// closed objects, and neither may have what the other must (receipt_version, policy_version); and
/// verifiers trust a key for one kind of artefact (docs/adr/0005).
bool has_signed_form(Family family, std::string_view bytes) noexcept;

/// What a key of family F is asked to sign. Only bytes of that family's form can be held by it, and
/// only a signer of family F takes it: mixing two families does not compile.
template <Family F>
class SigningInput {
public:
    /// Error: internal, when the bytes are not of the family's form.
    static Result<SigningInput> of(std::string bytes) {
        if (!has_signed_form(F, bytes)) {
            return Error(ErrorCode::internal,
                         "these bytes are not of the form this key family signs");
        }
        return SigningInput(std::move(bytes));
    }

    ByteView bytes() const noexcept { return base::as_bytes(bytes_); }

private:
    explicit SigningInput(std::string bytes) : bytes_(std::move(bytes)) {}

    std::string bytes_;
};

/// What a key of any family says of the family's keys. The ecosystem has these two signed by the
/// very keys they are about.
enum class KeyStatement : std::uint8_t { rotation, snapshot };

/// Do these bytes have the form of that statement? It is shared with no family, not with a probe,
/// and not with the other statement.
///
///   rotation   the canonical JSON of a did_rotation certificate before it is signed: it begins
///              {"issued_at":" and ends with the version and the two empty signatures
///   snapshot   the JSON of a key transparency snapshot, which begins
///              {"snapshot_version":"1","generated_at": and ends with }
bool has_statement_form(KeyStatement statement, std::string_view bytes) noexcept;

/// One of the two, on its way to the key. Only bytes of its form can be held by it.
template <KeyStatement S>
class StatementInput {
public:
    /// Error: internal, when the bytes are not of the statement's form.
    static Result<StatementInput> of(std::string bytes) {
        if (!has_statement_form(S, bytes)) {
            return Error(ErrorCode::internal, "these bytes are not of the statement's form");
        }
        return StatementInput(std::move(bytes));
    }

    ByteView bytes() const noexcept { return base::as_bytes(bytes_); }

private:
    explicit StatementInput(std::string bytes) : bytes_(std::move(bytes)) {}

    std::string bytes_;
};

using RotationInput = StatementInput<KeyStatement::rotation>;
using SnapshotInput = StatementInput<KeyStatement::snapshot>;

/// A signature that only shows that a key works: a fixed prefix that no artefact begins with, and
/// 32 random bytes. It is verified where it is made and never leaves the process.
class ProbeInput {
public:
    /// Error: internal, when there is no randomness.
    static Result<ProbeInput> fresh();

    ByteView bytes() const noexcept { return base::as_bytes(bytes_); }

private:
    explicit ProbeInput(std::string bytes) : bytes_(std::move(bytes)) {}

    std::string bytes_;
};

}  // namespace clawsigner::crypto
