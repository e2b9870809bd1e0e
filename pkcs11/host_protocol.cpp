#include "pkcs11/host_protocol.h"

#include "pkcs11/host_codec.h"

#include <algorithm>
#include <array>
#include <utility>

namespace clawsigner::pkcs11::host {
namespace {

constexpr std::size_t kMostKeys = 4096;

// What Error::call may say of a module (pkcs11/*.cpp), so that it keeps its static storage.
constexpr std::array<std::string_view, 16> kCalls{
    "",
    "C_Initialize",
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_OpenSession",
    "C_Login",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_GetAttributeValue",
    "C_SignInit",
    "C_Sign",
    "C_GenerateKeyPair",
    "C_DestroyObject",
    "C_GetSessionInfo",
    "module",
};

void put(Writer& out, const std::optional<std::string>& text) {
    out.number(text ? 1 : 0);
    if (text) {
        out.text(*text);
    }
}

std::optional<std::string> get_optional_text(Reader& in) {
    return in.flag() ? std::optional(in.text()) : std::nullopt;
}

/// The last one stands for every call that is not listed.
std::size_t index_of(std::string_view call) {
    std::size_t index = 0;
    while (index + 1 < kCalls.size() && kCalls.at(index) != call) {
        ++index;
    }
    return index;
}

void put(Writer& out, const Error& error) {
    out.number(static_cast<std::uint64_t>(error.code));
    out.text(error.message);
    out.text(error.field);
    out.number(index_of(error.call));
    out.number(error.native);
}

Error get_error(Reader& in) {
    const auto code = in.number(static_cast<std::uint64_t>(ErrorCode::unreachable));
    Error error(static_cast<ErrorCode>(code), in.text());
    error.field = in.text();
    error.call = kCalls.at(in.number(kCalls.size() - 1));
    error.native = in.number();
    return error;
}

void put(Writer& out, const hsm::KeyName& name) {
    out.number(static_cast<std::uint64_t>(name.family));
    out.number(name.version);
}

hsm::KeyName get_name(Reader& in) {
    const auto family = static_cast<crypto::Family>(in.number(crypto::kFamilies.size() - 1));
    return {family, static_cast<std::uint32_t>(in.number(UINT32_MAX))};
}

crypto::Algorithm get_algorithm(Reader& in) {
    return static_cast<crypto::Algorithm>(
        in.number(static_cast<std::uint64_t>(crypto::Algorithm::p256)));
}

hsm::KeyId get_id(Reader& in) {
    return in.checked(hsm::KeyId::of(in.bytes()), hsm::KeyId());
}

void put(Writer& out, const hsm::StoredKey& key) {
    out.bytes(key.id.bytes());
    put(out, key.name);
    out.number(static_cast<std::uint64_t>(key.public_key.algorithm()));
    out.bytes(key.public_key.raw());
    for (const bool flag :
         {key.attributes.sensitive, key.attributes.always_sensitive, key.attributes.extractable,
          key.attributes.never_extractable, key.attributes.local, key.attributes.modifiable}) {
        out.number(flag ? 1 : 0);
    }
}

std::optional<hsm::StoredKey> get_key(Reader& in) {
    const hsm::KeyId id = get_id(in);
    const hsm::KeyName name = get_name(in);
    const crypto::Algorithm algorithm = get_algorithm(in);
    const ByteView raw = in.bytes();
    auto public_key = crypto::PublicKey::of(algorithm, raw);
    hsm::KeyAttributes attributes;
    for (bool* flag : {&attributes.sensitive, &attributes.always_sensitive, &attributes.extractable,
                       &attributes.never_extractable, &attributes.local, &attributes.modifiable}) {
        *flag = in.flag();
    }
    // One spelling of a point, so that one key has one packet.
    if (!in.good() || !public_key.ok() || !std::ranges::equal(public_key->raw(), raw)) {
        in.fail();
        return std::nullopt;
    }
    return hsm::StoredKey{id, name, std::move(public_key).value(), attributes};
}

void put(Writer& out, const hsm::KeySnapshot& keys) {
    out.number(keys.keys.size());
    for (const hsm::StoredKey& key : keys.keys) {
        put(out, key);
    }
    out.number(keys.unusable.size());
    for (const hsm::UnusableKey& key : keys.unusable) {
        out.text(key.id);
        out.text(key.label);
        put(out, key.why);
    }
}

hsm::KeySnapshot get_snapshot(Reader& in) {
    hsm::KeySnapshot keys;
    for (auto left = in.number(kMostKeys); left > 0 && in.good(); --left) {
        if (auto key = get_key(in)) {
            keys.keys.push_back(*std::move(key));
        }
    }
    for (auto left = in.number(kMostKeys); left > 0 && in.good(); --left) {
        std::string id = in.text();
        std::string label = in.text();
        keys.unusable.push_back({std::move(id), std::move(label), get_error(in)});
    }
    return keys;
}

void put(Writer& out, const Open& open) {
    const TokenSettings& settings = open.settings;
    out.text(settings.module.native());
    for (const auto* part : {&settings.uri.token, &settings.uri.manufacturer, &settings.uri.model,
                             &settings.uri.serial}) {
        put(out, *part);
    }
    out.number(settings.uri.slot_id ? 1 : 0);
    if (settings.uri.slot_id) {
        out.number(*settings.uri.slot_id);
    }
    out.text(settings.pin_file.native());
    out.number(settings.sessions);
}

Question get_open(Reader& in) {
    Open open;
    TokenSettings& settings = open.settings;
    settings.module = in.text();
    for (auto* part : {&settings.uri.token, &settings.uri.manufacturer, &settings.uri.model,
                       &settings.uri.serial}) {
        *part = get_optional_text(in);
    }
    if (in.flag()) {
        settings.uri.slot_id = in.number();
    }
    settings.pin_file = in.text();
    settings.sessions = in.number();
    return open;
}

void put(Writer& out, const std::optional<Error>& error) {
    out.number(error ? 1 : 0);
    if (error) {
        put(out, *error);
    }
}

std::optional<Error> get_optional_error(Reader& in) {
    return in.flag() ? std::optional(get_error(in)) : std::nullopt;
}

void put(Writer& out, const LoginAnswer& answer) {
    put(out, answer.refusal);
}

Question get_login_answer(Reader& in) {
    return LoginAnswer{get_optional_error(in)};
}

void put(Writer& out, const Generate& generate) {
    put(out, generate.name);
    out.number(static_cast<std::uint64_t>(generate.algorithm));
}

Question get_generate(Reader& in) {
    const hsm::KeyName name = get_name(in);
    return Generate{name, get_algorithm(in)};
}

void put(Writer& out, const Discard& discard) {
    out.text(discard.handle);
}

Question get_discard(Reader& in) {
    return Discard{in.text()};
}

void put(Writer& out, const Destroy& destroy) {
    out.bytes(destroy.key.bytes());
}

Question get_destroy(Reader& in) {
    return Destroy{get_id(in)};
}

void put(Writer& out, const Sign& sign) {
    out.number(sign.requests.size());
    for (const SignRequest& request : sign.requests) {
        out.bytes(request.key.bytes());
        out.number(static_cast<std::uint64_t>(std::max<std::int64_t>(request.time.count(), 0)));
        out.bytes(request.message);
    }
}

Question get_sign(Reader& in) {
    Sign sign;
    for (auto left = in.number(kMostRequests); left > 0 && in.good(); --left) {
        const hsm::KeyId key = get_id(in);
        const std::chrono::milliseconds time(in.number(UINT32_MAX));
        const ByteView message = in.bytes();
        sign.requests.push_back({key, time, Bytes(message.begin(), message.end())});
    }
    return sign;
}

void put(Writer&, const MayLogIn&) {}

Reply get_may_log_in(Reader&) {
    return MayLogIn{};
}

void put(Writer& out, const LoginAnswered& answered) {
    put(out, answered.refusal);
}

Reply get_login_answered(Reader& in) {
    return LoginAnswered{get_optional_error(in)};
}

void put(Writer& out, const Opened& opened) {
    out.text(opened.description);
    put(out, opened.keys);
}

Reply get_opened(Reader& in) {
    std::string description = in.text();
    return Opened{std::move(description), get_snapshot(in)};
}

void put(Writer& out, const Generated& generated) {
    put(out, generated.key);
    put(out, generated.keys);
}

Reply get_generated(Reader& in) {
    auto key = get_key(in);
    if (!key) {
        return MayLogIn{};  // the reader has failed, and says so
    }
    return Generated{*std::move(key), get_snapshot(in)};
}

void put(Writer& out, const Discarded& discarded) {
    put(out, discarded.keys);
}

Reply get_discarded(Reader& in) {
    return Discarded{get_snapshot(in)};
}

void put(Writer& out, const Signed& made) {
    out.bytes(made.signature);
}

Reply get_signed(Reader& in) {
    Signed made;
    const ByteView signature = in.bytes();
    if (signature.size() == made.signature.size()) {
        std::ranges::copy(signature, made.signature.begin());
    } else {
        in.fail();
    }
    return made;
}

void put(Writer& out, const Failed& failed) {
    put(out, failed.error);
}

Reply get_failed(Reader& in) {
    return Failed{get_error(in)};
}

/// The alternative's index, then its members in their order.
template <class Message>
Bytes encoded(const Message& message) {
    Writer out;
    out.number(message.index());
    std::visit([&](const auto& alternative) { put(out, alternative); }, message);
    return out.done();
}

template <class Message, std::size_t Count>
Result<Message> decoded(ByteView packet, const std::array<Message (*)(Reader&), Count>& readers) {
    static_assert(Count == std::variant_size_v<Message>);
    Reader in(packet);
    Message message = readers.at(in.number(Count - 1))(in);
    CHECK_OK(in.done());
    return message;
}

}  // namespace

Bytes encode(const Question& question) {
    return encoded(question);
}

Bytes encode(const Reply& reply) {
    return encoded(reply);
}

Result<Question> decode_question(ByteView packet) {
    static constexpr std::array<Question (*)(Reader&), 6> kReaders{
        get_open, get_login_answer, get_generate, get_discard, get_destroy, get_sign};
    return decoded<Question>(packet, kReaders);
}

Result<Reply> decode_reply(ByteView packet) {
    static constexpr std::array<Reply (*)(Reader&), 7> kReaders{
        get_may_log_in, get_login_answered, get_opened, get_generated,
        get_discarded,  get_signed,         get_failed};
    return decoded<Reply>(packet, kReaders);
}

}  // namespace clawsigner::pkcs11::host
