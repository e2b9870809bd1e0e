#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "hsm/backend.h"
#include "pkcs11/token_settings.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What the daemon and the process that hosts a module say to each other: values only, one message
/// a packet (SOCK_SEQPACKET), a question and its answer in turn. Neither side trusts the other's
/// packets: a module's code may have written them.
namespace clawsigner::pkcs11::host {

/// Packets are refused above this size, in both directions.
inline constexpr std::size_t kMaxPacket = 128UL * 1024;
inline constexpr std::size_t kMostRequests = 16;

// To the host.
struct Open {
    TokenSettings settings;
};
struct LoginAnswer {
    std::optional<Error> refusal;
};
struct Generate {
    hsm::KeyName name;
    crypto::Algorithm algorithm{};
};
struct Discard {
    std::string handle;
};
struct Destroy {
    hsm::KeyId key;
};
struct SignRequest {
    hsm::KeyId key;
    std::chrono::milliseconds time{};  // until the deadline; clocks are not compared
    Bytes message;
};
/// Answered one by one, in their order, with Signed or Failed.
struct Sign {
    std::vector<SignRequest> requests;  // 1 to kMostRequests
};

// From the host.
struct MayLogIn {};     // asked while Open is under way, right before C_Login
struct LoginAnswered {  // told, not asked: what C_Login answered, before anything else is done
    std::optional<Error> refusal;
};
struct Opened {
    std::string description;
    hsm::KeySnapshot keys;
};
struct Generated {
    hsm::StoredKey key;
    hsm::KeySnapshot keys;
};
struct Discarded {  // also of Destroy
    hsm::KeySnapshot keys;
};
struct Signed {
    crypto::Signature signature{};
};
struct Failed {
    Error error;
};

using Question = std::variant<Open, LoginAnswer, Generate, Discard, Destroy, Sign>;
using Reply = std::variant<MayLogIn, LoginAnswered, Opened, Generated, Discarded, Signed, Failed>;

Bytes encode(const Question& question);
Bytes encode(const Reply& reply);

/// Error: internal, for whatever is not exactly one message. A Cryptoki call that an error names
/// and we do not make becomes "module": Error::call has static storage.
Result<Question> decode_question(ByteView packet);
Result<Reply> decode_reply(ByteView packet);

}  // namespace clawsigner::pkcs11::host
