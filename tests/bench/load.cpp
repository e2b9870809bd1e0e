#include "bench/load.h"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <vector>

namespace clawsigner::bench {
namespace {

constexpr int kEvents = 64;

/// One thread's connections, all of which it serves.
class Worker {
public:
    Worker(const Exchange& exchange, Tally& tally) : exchange_(exchange), tally_(tally) {}

    Status run(const std::filesystem::path& socket, std::size_t connections) {
        for (std::size_t i = 0; i < connections; ++i) {
            TRY(Client client, Client::connect(socket));
            lines_.push_back({std::move(client), {}});
        }
        for (Line& line : lines_) {
            CHECK_OK(begin(line, Clock::now()));
        }
        return connections == 1 ? serve_one() : serve_all();
    }

private:
    struct Line {
        Client client;
        TimePoint began;
    };

    Status begin(Line& line, TimePoint now) {
        line.began = now;
        ++under_way_;
        return line.client.send(exchange_.request);
    }

    /// Something has come, or will: reads once, and goes on when that was the end of the reply.
    Status receive(Line& line) {
        TRY(const auto reply, line.client.receive(exchange_.reply_size));
        if (reply.empty()) {
            return Status::done();
        }
        --under_way_;
        const TimePoint now = tally_.ended(line.began);
        return tally_.over() ? Status::done() : begin(line, now);
    }

    /// A single connection can block in recv, which spares a system call a request.
    Status serve_one() {
        while (under_way_ > 0) {
            CHECK_OK(receive(lines_.front()));
        }
        return Status::done();
    }

    Status serve_all() {
        const base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
        for (Line& line : lines_) {
            epoll_event event{EPOLLIN, {&line}};
            if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, line.client.fd(), &event) != 0) {
                return Error::from_errno("epoll_ctl", errno);
            }
        }
        std::array<epoll_event, kEvents> events{};
        while (under_way_ > 0) {
            const int ready = ::epoll_wait(epoll.get(), events.data(), kEvents, -1);
            for (int i = 0; i < ready; ++i) {
                CHECK_OK(
                    receive(*static_cast<Line*>(events.at(static_cast<std::size_t>(i)).data.ptr)));
            }
        }
        return Status::done();
    }

    const Exchange& exchange_;
    Tally& tally_;
    std::vector<Line> lines_;
    std::size_t under_way_ = 0;
};

}  // namespace

Result<Figures> run_load(const Load& load, const Exchange& exchange, const Span& span) {
    return in_threads(load.threads, span, [&](std::size_t index, Tally& tally) {
        const std::size_t share =
            load.connections / load.threads + (index < load.connections % load.threads ? 1 : 0);
        return Worker(exchange, tally).run(load.socket, share);
    });
}

}  // namespace clawsigner::bench
