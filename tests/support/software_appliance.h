#pragma once

#include "service/appliance.h"
#include "support/fixed_clock.h"
#include "support/software_backend.h"

#include <memory>
#include <string>
#include <string_view>

namespace clawsigner::tests {

/// Everything below the sockets, with a key store in memory, a clock that stands still, a key of
/// each family, and a ceiling as in development.
struct SoftwareAppliance {
    explicit SoftwareAppliance(crypto::Algorithm algorithm = crypto::Algorithm::ed25519) {
        for (const crypto::Family family : crypto::kFamilies) {
            backend
                .generate({family, 1}, crypto::signs_with(family, algorithm)
                                           ? algorithm
                                           : crypto::Algorithm::ed25519)
                .value();
        }
        appliance.ceiling = {std::chrono::seconds(3600), policy::NameSet({"*"}),
                             policy::NameSet({"*"})};
    }

    FixedClock clock;
    SoftwareBackend backend;
    hsm::Keyring keyring{{{crypto::Family::gateway_receipt, {&backend}},
                          {crypto::Family::cst, {&backend}},
                          {crypto::Family::checkpoint, {&backend}}},
                         {}};
    std::vector<crypto::Family> families{crypto::kFamilies.begin(), crypto::kFamilies.end()};
    service::Prober prober{keyring, families, clock};
    service::Appliance appliance{&clock,   &keyring, &prober, {{"memory", &backend}},
                                 families, {},       {},      {}};

    /// The receipts' key, and the tokens'.
    crypto::PublicKey key() const { return backend.keys()->keys[0].public_key; }
    crypto::PublicKey token_key() const { return backend.keys()->keys[1].public_key; }
};

/// A receipt request that is good at the fixed clock's time.
inline const std::string kGoodReceipt =
    R"({"provider":"openai","model":"gpt","request_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",)"
    R"("response_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o","tokens_input":1,"tokens_output":2,"latency_ms":3})";

}  // namespace clawsigner::tests
