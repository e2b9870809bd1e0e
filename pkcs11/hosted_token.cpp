#include "pkcs11/hosted_token.h"

#include <algorithm>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

using namespace std::chrono_literals;
using host::Channel;
using host::Question;
using host::Reply;

// After the deadline, for an answer that is on its way. A token that is merely busy says so itself.
constexpr auto kGrace = 100ms;

Error down(std::string message) {
    Error error(ErrorCode::hsm_down, std::move(message));
    error.call = "module";
    return error;
}

/// The answer that was hoped for, or the error that came instead.
template <class Wanted>
Result<Wanted> as(Result<Reply> reply) {
    if (!reply.ok()) {
        return reply.error();
    }
    if (auto* failed = std::get_if<host::Failed>(&*reply)) {
        return std::move(failed->error);
    }
    if (auto* wanted = std::get_if<Wanted>(&*reply)) {
        return std::move(*wanted);
    }
    return down("the module's process answers something else than it was asked");
}

}  // namespace

Result<std::unique_ptr<HostedToken>> HostedToken::open(const TokenSettings& settings,
                                                       LoginGate& gate,
                                                       std::function<void(const Error&)> on_death) {
    std::unique_ptr<HostedToken> token(new HostedToken(settings.patience));
    const auto lanes = std::clamp<std::size_t>(settings.sessions, 1, kMostLanes);
    TRY(token->process_, host::Process::start(*settings.host, lanes,
                                              [on_death = std::move(on_death)](const auto& how) {
                                                  on_death(down("the module's process " + how));
                                              }));
    CHECK_OK(token->take_opened(token->open_in_child(settings, gate)));
    for (Channel& lane : token->process_->lanes()) {
        token->lanes_.push_back(&lane);
    }
    token->free_lanes_.release(static_cast<std::ptrdiff_t>(token->lanes_.size()));
    return token;
}

Result<Reply> HostedToken::open_in_child(const TokenSettings& settings, LoginGate& gate) {
    const Deadline deadline = base::deadline_in(patience_);
    Channel& control = process_->control();
    auto reply = ask(control, host::Open{settings}, deadline);
    if (!reply.ok() || !std::holds_alternative<host::MayLogIn>(*reply)) {
        return reply;
    }
    host::LoginAnswer answer;
    if (const Status allowed = gate.may_log_in(); !allowed.ok()) {
        answer.refusal = allowed.error();
    }
    return ask(control, answer, deadline);
}

Status HostedToken::take_opened(Result<Reply> reply) {
    TRY(auto opened, as<host::Opened>(std::move(reply)));
    description_ = std::move(opened.description);
    set_keys(std::move(opened.keys));
    return Status::done();
}

Result<Reply> HostedToken::ask(Channel& channel, const Question& question, Deadline deadline) {
    if (const Status sent = channel.send(host::encode(question)); !sent.ok()) {
        return no_answer(sent.error());
    }
    auto packet = channel.receive(deadline);
    if (!packet.ok()) {
        return no_answer(packet.error());
    }
    auto reply = host::decode_reply(*packet);
    if (!reply.ok()) {
        return no_answer(reply.error());
    }
    return reply;
}

/// What does not answer, or not sensibly, is ended: nobody could tell its next answer from a late
/// one.
Error HostedToken::no_answer(const Error& error) {
    if (error.code != ErrorCode::hsm_down) {
        process_->kill();
        return down(error.message + "; it was killed");
    }
    const auto how = process_->how_it_ended();
    return down("the module's process " + how.value_or("is gone"));
}

Result<crypto::Signature> HostedToken::sign(const hsm::KeyId& key, ByteView message,
                                            Deadline deadline) {
    if (!free_lanes_.try_acquire_until(deadline)) {
        return Error(ErrorCode::hsm_down, "no session of the token became free in time");
    }
    Channel* lane = nullptr;
    {
        const std::lock_guard lock(lanes_mutex_);
        lane = std::exchange(lanes_.back(), nullptr);
        lanes_.pop_back();
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    auto made = as<host::Signed>(ask(
        *lane, host::Sign{key, left, Bytes(message.begin(), message.end())}, deadline + kGrace));
    {
        const std::lock_guard lock(lanes_mutex_);
        lanes_.push_back(lane);
    }
    free_lanes_.release();
    if (!made.ok()) {
        return made.error();
    }
    return made->signature;
}

Result<hsm::StoredKey> HostedToken::generate(const hsm::KeyName& name,
                                             crypto::Algorithm algorithm) {
    const std::lock_guard one_at_a_time(control_mutex_);
    TRY(auto made, as<host::Generated>(ask(process_->control(), host::Generate{name, algorithm},
                                           base::deadline_in(patience_))));
    set_keys(std::move(made.keys));
    return std::move(made.key);
}

void HostedToken::set_keys(hsm::KeySnapshot keys) {
    auto fresh = std::make_shared<const hsm::KeySnapshot>(std::move(keys));
    const std::lock_guard lock(keys_mutex_);
    keys_ = std::move(fresh);
}

std::shared_ptr<const hsm::KeySnapshot> HostedToken::keys() const {
    const std::lock_guard lock(keys_mutex_);
    return keys_;
}

}  // namespace clawsigner::pkcs11
