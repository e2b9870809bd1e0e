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

// What an error of the process itself, not of a call into its module, names as its call.
constexpr std::string_view kModule = "module";

constexpr std::size_t kMostBytesTogether = 64UL * 1024;

Error down(std::string message) {
    Error error(ErrorCode::hsm_down, std::move(message));
    error.call = kModule;
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

bool is_signing_answer(const Reply& reply) {
    return std::holds_alternative<host::Signed>(reply) ||
           std::holds_alternative<host::Failed>(reply);
}

Result<crypto::Signature> signature_in(Result<host::Signed> made) {
    if (!made.ok()) {
        return std::move(made).error();
    }
    return made->signature;
}

}  // namespace

Result<std::unique_ptr<HostedToken>> HostedToken::open(const TokenSettings& settings,
                                                       LoginGate& gate,
                                                       std::function<void(const Error&)> on_death,
                                                       const std::stop_token& called_off) {
    if (!settings.host) {
        return Error(ErrorCode::internal, "no program is named to host the module");
    }
    std::unique_ptr<HostedToken> token(new HostedToken(settings.patience));
    const auto lanes = std::clamp<std::size_t>(settings.sessions, 1, kMostLanes);
    TRY(token->process_, host::Process::start(*settings.host, lanes,
                                              [on_death = std::move(on_death)](const auto& how) {
                                                  on_death(down("the module's process " + how));
                                              }));
    CHECK_OK(token->take_opened(token->open_in_child(settings, gate, called_off)));
    for (Channel& lane : token->process_->lanes()) {
        token->lanes_.push_back(&lane);
    }
    return token;
}

Result<Reply> HostedToken::open_in_child(const TokenSettings& settings, LoginGate& gate,
                                         const std::stop_token& called_off) {
    const auto end = [this] { process_->kill(); };
    Channel& control = process_->control();
    {
        const std::stop_callback ended(called_off, end);
        auto reply = ask(control, host::Open{settings}, base::deadline_in(patience_));
        if (!reply.ok() || !std::holds_alternative<host::MayLogIn>(*reply)) {
            return reply;
        }
    }
    if (called_off.stop_requested()) {
        return down("the opening was called off");
    }
    // From here on the child is inside C_Login, which must not be cut short for what came before
    // it, nor because nobody waits for it any more: the token would count a try and we another.
    const Deadline login_deadline = base::deadline_in(patience_);
    auto reply = log_in_in_child(gate, login_deadline);
    if (!reply.ok() || !std::holds_alternative<host::LoginAnswered>(*reply)) {
        return reply;
    }
    const std::stop_callback ended(called_off, end);
    return hear(control, login_deadline);
}

Result<Reply> HostedToken::log_in_in_child(LoginGate& gate, Deadline deadline) {
    host::LoginAnswer answer;
    if (const Status allowed = gate.may_log_in(); !allowed.ok()) {
        answer.refusal = allowed.error();
    }
    auto reply = ask(process_->control(), answer, deadline);
    if (const auto* answered = reply.ok() ? std::get_if<host::LoginAnswered>(&*reply) : nullptr) {
        gate.login_answered(answered->refusal ? Status(*answered->refusal) : Status::done());
    }
    return reply;
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
    return hear(channel, deadline);
}

Result<Reply> HostedToken::hear(Channel& channel, Deadline deadline) {
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
    Waiting mine{key, message, deadline, false, std::nullopt};
    std::unique_lock lock(lanes_mutex_);
    waiting_.push_back(&mine);
    while (!mine.result) {
        const auto can_go_on = [&] {
            return mine.result || (!mine.taken && (ended_ || !lanes_.empty()));
        };
        if (!lanes_changed_.wait_until(lock, deadline, can_go_on) && !mine.taken) {
            std::erase(waiting_, &mine);
            return Error(ErrorCode::hsm_down, "no session of the token became free in time");
        }
        if (mine.taken) {
            // Whoever took it along answers for its deadline.
            lanes_changed_.wait(lock, [&] { return mine.result.has_value(); });
            break;
        }
        if (ended_) {
            std::erase(waiting_, &mine);
            return down("the module's process was ended");
        }
        Channel* const lane = lanes_.back();
        lanes_.pop_back();
        const auto group = take_waiting();
        lock.unlock();
        const bool in_step = sign_for(*lane, group);
        lock.lock();
        if (in_step) {
            lanes_.push_back(lane);
        } else {
            ended_ = true;  // a late answer on this lane would be taken for another question's
        }
        lanes_changed_.notify_all();
    }
    return *std::move(mine.result);
}

/// As many as go into one packet. With lanes_mutex_.
std::vector<HostedToken::Waiting*> HostedToken::take_waiting() {
    std::vector<Waiting*> group;
    std::size_t bytes = 0;
    while (!waiting_.empty() && group.size() < host::kMostRequests) {
        Waiting* const next = waiting_.front();
        bytes += next->message.size();
        // In the order of their deadlines, so that nobody waits past its own for another's.
        if (!group.empty() &&
            (bytes > kMostBytesTogether || next->deadline < group.back()->deadline)) {
            break;
        }
        waiting_.pop_front();
        next->taken = true;
        group.push_back(next);
    }
    return group;
}

/// The child takes them in their order and does not begin one whose time is over, so what is not
/// answered by its deadline is a call that does not return.
bool HostedToken::sign_for(Channel& lane, const std::vector<Waiting*>& group) {
    const auto now = std::chrono::steady_clock::now();
    host::Sign question;
    for (const Waiting* waiting : group) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(waiting->deadline - now);
        question.requests.push_back(
            {waiting->key, left, Bytes(waiting->message.begin(), waiting->message.end())});
    }
    const Status sent = lane.send(host::encode(Question(std::move(question))));
    std::optional<Error> ended;
    if (!sent.ok()) {
        ended = no_answer(sent.error());
    }
    for (Waiting* waiting : group) {
        // An answer can be on its way past the deadline of those who come after it.
        const Deadline until = std::max(waiting->deadline, std::chrono::steady_clock::now());
        auto reply = ended ? Result<Reply>(*ended) : hear(lane, until + kGrace);
        if (!ended && reply.ok() && !is_signing_answer(*reply)) {
            process_->kill();
            reply = down("the module's process answers something else than it was asked");
        }
        if (!ended && !reply.ok()) {
            ended = reply.error();
        }
        settle(*waiting, signature_in(as<host::Signed>(std::move(reply))));
    }
    return !ended;
}

void HostedToken::settle(Waiting& waiting, Result<crypto::Signature> result) {
    const std::lock_guard lock(lanes_mutex_);
    waiting.result = std::move(result);
    lanes_changed_.notify_all();
}

Result<hsm::StoredKey> HostedToken::generate(const hsm::KeyName& name,
                                             crypto::Algorithm algorithm) {
    const std::lock_guard one_at_a_time(control_mutex_);
    TRY(auto made, as<host::Generated>(ask(process_->control(), host::Generate{name, algorithm},
                                           base::deadline_in(patience_))));
    set_keys(std::move(made.keys));
    return std::move(made.key);
}

Status HostedToken::discard(const std::string& handle) {
    const std::lock_guard one_at_a_time(control_mutex_);
    TRY(auto made, as<host::Discarded>(ask(process_->control(), host::Discard{handle},
                                           base::deadline_in(patience_))));
    set_keys(std::move(made.keys));
    return Status::done();
}

Status HostedToken::destroy(const hsm::KeyId& key) {
    const std::lock_guard one_at_a_time(control_mutex_);
    TRY(auto made, as<host::Discarded>(
                       ask(process_->control(), host::Destroy{key}, base::deadline_in(patience_))));
    set_keys(std::move(made.keys));
    return Status::done();
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
