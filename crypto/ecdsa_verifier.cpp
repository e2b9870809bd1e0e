#include "crypto/ecdsa_verifier.h"

#include <utility>

namespace clawsigner::crypto {

EcdsaVerifier::Context EcdsaVerifier::take() const {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            Context context = std::move(idle_.back());
            idle_.pop_back();
            return context;
        }
    }
    Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    return context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 ? std::move(context)
                                                                          : nullptr;
}

void EcdsaVerifier::keep(Context context) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(context));
}

bool EcdsaVerifier::verifies(const Sha256& digest, ByteView der_signature) const {
    Context context = take();
    if (context == nullptr) {
        return false;
    }
    const bool verified = EVP_PKEY_verify(context.get(), der_signature.data(), der_signature.size(),
                                          digest.data(), digest.size()) == 1;
    keep(std::move(context));
    return verified;
}

}  // namespace clawsigner::crypto
