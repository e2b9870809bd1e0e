#include "pkcs11/module_host.h"

#include "pkcs11/host_channel.h"
#include "pkcs11/host_process.h"
#include "pkcs11/host_protocol.h"
#include "pkcs11/inline_token.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace clawsigner::pkcs11 {
namespace {

using host::Channel;
using host::Reply;

constexpr unsigned kLastSeconds = 3;

/// Runs when the daemon has died: time enough to finalise the module in order, and no more.
extern "C" void on_orphaned(int) {
    ::alarm(kLastSeconds);
}

/// The daemon decides when we end, also when a terminal or a supervisor signals both of us: it
/// still needs us to answer what has arrived.
void leave_signals_to_the_daemon() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
        std::signal(signal, SIG_IGN);
    }
    std::signal(SIGUSR1, on_orphaned);
    ::prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
}

bool is_channel(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

Reply failed(const Error& error) {
    return host::Failed{error};
}

/// Asks the daemon, which remembers what became of earlier logins.
class RemoteGate final : public LoginGate {
public:
    explicit RemoteGate(Channel& control) : control_(control) {}

    Status may_log_in() override {
        CHECK_OK(control_.send(host::encode(Reply(host::MayLogIn{}))));
        TRY(const ByteView packet, control_.receive(std::nullopt));
        TRY(const auto question, host::decode_question(packet));
        const auto* answer = std::get_if<host::LoginAnswer>(&question);
        if (answer == nullptr) {
            return Error(ErrorCode::internal,
                         "the daemon answers something else than it was asked");
        }
        return answer->refusal ? Status(*answer->refusal) : Status::done();
    }

    void login_answered(const Status& status) override {
        host::LoginAnswered answered;
        if (!status.ok()) {
            answered.refusal = status.error();
        }
        // A daemon that is gone will find the try unanswered.
        static_cast<void>(control_.send(host::encode(Reply(answered))));
    }

private:
    Channel& control_;
};

/// How long a signature takes here: the slowest of late. Thread-safe.
class Pace {
public:
    using Time = std::chrono::steady_clock::time_point;

    void note(Time began, Time ended) {
        const std::lock_guard lock(mutex_);
        forget_the_old(ended);
        slowest_ = std::max(slowest_, ended - began);
    }
    std::chrono::nanoseconds slowest(Time now) {
        const std::lock_guard lock(mutex_);
        forget_the_old(now);
        return std::max(slowest_, slowest_before_);
    }

private:
    static constexpr auto kOfLate = std::chrono::seconds(1);

    /// With time alone, so that a token that was slow once is tried again whoever was refused.
    void forget_the_old(Time now) {
        if (now - since_ > 2 * kOfLate) {
            slowest_ = {};
        }
        if (now - since_ > kOfLate) {
            slowest_before_ = std::exchange(slowest_, {});
            since_ = now;
        }
    }

    std::mutex mutex_;
    Time since_;
    std::chrono::nanoseconds slowest_{};
    std::chrono::nanoseconds slowest_before_{};
};

class Host {
public:
    Host(Channel control, std::vector<Channel> lanes)
        : control_(std::move(control)), lanes_(std::move(lanes)) {}
    ~Host() {
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    void serve() {
        serve(control_, [this](const host::Question& question) { return manage(question); });
    }

private:
    static Reply out_of_place() {
        return failed(Error(ErrorCode::internal, "the daemon's question is out of place"));
    }

    /// Until the daemon closes the channel, or says what nobody understands.
    template <class Answer>
    static void serve(Channel& channel, Answer answer) {
        Status going = Status::done();
        while (going.ok()) {
            const auto packet = channel.receive(std::nullopt);
            if (!packet.ok()) {
                return;
            }
            const auto question = host::decode_question(*packet);
            going = question.ok() ? answer(*question) : Status(question.error());
        }
    }

    Status manage(const host::Question& question) {
        const Status sent = control_.send(host::encode(answer(question)));
        return !sent.ok() && sent.error().code == ErrorCode::too_large
                   ? control_.send(host::encode(failed(too_many_keys())))
                   : sent;
    }

    static Error too_many_keys() {
        return {ErrorCode::hsm_down,
                "the token has more keys than are read; give it a token of its "
                "own, or discard what cannot be used"};
    }

    Reply answer(const host::Question& question) {
        if (const auto* open = std::get_if<host::Open>(&question)) {
            return this->open(*open);
        }
        if (const auto* generate = std::get_if<host::Generate>(&question)) {
            return this->generate(*generate);
        }
        if (const auto* destroy = std::get_if<host::Destroy>(&question)) {
            return this->destroy(*destroy);
        }
        const auto* discard = std::get_if<host::Discard>(&question);
        return discard == nullptr ? out_of_place() : this->discard(*discard);
    }

    Reply open(const host::Open& open) {
        if (token_ != nullptr) {
            return out_of_place();
        }
        RemoteGate gate(control_);
        auto opened = InlineToken::open(open.settings, gate);
        if (!opened.ok()) {
            return failed(opened.error());
        }
        token_ = std::move(opened).value();
        for (Channel& lane : lanes_) {
            threads_.emplace_back([this, &lane] {
                serve(lane, [&](const host::Question& question) { return sign(lane, question); });
            });
        }
        return host::Opened{token_->description(), *token_->keys()};
    }

    Reply generate(const host::Generate& generate) {
        if (token_ == nullptr) {
            return out_of_place();
        }
        auto key = token_->generate(generate.name, generate.algorithm);
        return key.ok() ? Reply(host::Generated{std::move(key).value(), *token_->keys()})
                        : failed(key.error());
    }

    Reply discard(const host::Discard& discard) {
        if (token_ == nullptr) {
            return out_of_place();
        }
        const Status discarded = token_->discard(discard.handle);
        return discarded.ok() ? Reply(host::Discarded{*token_->keys()}) : failed(discarded.error());
    }

    Reply destroy(const host::Destroy& destroy) {
        if (token_ == nullptr) {
            return out_of_place();
        }
        const Status destroyed = token_->destroy(destroy.key);
        return destroyed.ok() ? Reply(host::Discarded{*token_->keys()}) : failed(destroyed.error());
    }

    Status sign(Channel& lane, const host::Question& question) {
        const auto* sign = std::get_if<host::Sign>(&question);
        if (sign == nullptr) {
            return lane.send(host::encode(out_of_place()));
        }
        const auto now = std::chrono::steady_clock::now();
        for (const host::SignRequest& request : sign->requests) {
            CHECK_OK(lane.send(host::encode(this->sign(request, now + request.time))));
        }
        return Status::done();
    }

    /// What cannot be done in time is not begun: we would be killed over it, though the token is
    /// only slow.
    Reply sign(const host::SignRequest& request, Deadline deadline) {
        const auto began = std::chrono::steady_clock::now();
        if (began + pace_.slowest(began) >= deadline) {
            return failed(Error(ErrorCode::hsm_down, "the token had no time for it"));
        }
        const auto signature = token_->sign(request.key, request.message, deadline);
        pace_.note(began, std::chrono::steady_clock::now());
        return signature.ok() ? Reply(host::Signed{*signature}) : failed(signature.error());
    }

    // In the order of their lifetimes: the threads end before the token does.
    Channel control_;
    std::vector<Channel> lanes_;
    std::unique_ptr<InlineToken> token_;
    Pace pace_;
    std::vector<std::thread> threads_;
};

}  // namespace

Status run_module_host(std::size_t lanes) {
    leave_signals_to_the_daemon();
    const int past_last = host::kFirstFd + 1 + static_cast<int>(lanes);
    for (int fd = host::kFirstFd; fd < past_last; ++fd) {
        if (!is_channel(fd)) {
            return Error(ErrorCode::config_invalid,
                         "module-host is started by clawsignerd, not by hand");
        }
    }
    ::close_range(static_cast<unsigned>(past_last), ~0U, 0);
    std::vector<Channel> channels;
    for (int fd = host::kFirstFd + 1; fd < past_last; ++fd) {
        channels.emplace_back(base::UniqueFd(fd));
    }
    Host(Channel(base::UniqueFd(host::kFirstFd)), std::move(channels)).serve();
    return Status::done();
}

}  // namespace clawsigner::pkcs11
