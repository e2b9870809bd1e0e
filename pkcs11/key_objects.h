#pragma once

#include "base/result.h"
#include "hsm/key.h"

#include <p11-kit/pkcs11.h>

#include <string>
#include <vector>

namespace clawsigner::pkcs11 {

/// A usable key and the handle of its private half, good for as long as the token stays open.
struct KeyObject {
    hsm::StoredKey key;
    CK_OBJECT_HANDLE handle = 0;
};

struct KeyObjects {
    std::vector<KeyObject> usable;
    std::vector<hsm::UnusableKey> unusable;
};

/// Every private key on the token that carries one of our labels, paired with its public half by
/// CKA_ID. A key that is incomplete, doubled, extractable or of a kind we cannot use is named among
/// the unusable ones, and so is a public half of our label without a private one. The session must
/// be logged in. Error: as error_from.
Result<KeyObjects> find_keys(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session);

/// How long an object lives: on the token for good, or as long as the session that made it.
enum class Lifetime : bool { token, session };

/// C_GenerateKeyPair with everything said that keeps the private half in (CKA_SENSITIVE, not
/// EXTRACTABLE, not MODIFIABLE, not COPYABLE, not DERIVE), less what the token does not let us say.
/// The session must be read/write and logged in. The result is read back from the token: a key that
/// came out weaker than asked is destroyed and refused. Errors: unsupported; as error_from.
Result<KeyObject> generate_key(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                               const hsm::KeyName& name, crypto::Algorithm algorithm,
                               Lifetime lifetime = Lifetime::token);

/// Destroys every private and public object of our label that hsm::handle_of names `handle`; the
/// private ones first, so that what is left when it fails is found again. The session must be
/// read/write and logged in. Errors: invalid_field of `id`, when there is none; as error_from.
Status destroy_objects(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                       const std::string& handle);

}  // namespace clawsigner::pkcs11
