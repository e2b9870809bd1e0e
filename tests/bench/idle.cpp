#include "bench/idle.h"

#include "base/handle.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace clawsigner::bench {
namespace {

template <class Operation>
Result<Figures> paced(const Pace& pace, Operation operation) {
    Figures figures;
    for (std::size_t i = 0; i < pace.count; ++i) {
        std::this_thread::sleep_for(pace.pause);
        const TimePoint began = Clock::now();
        CHECK_OK(operation());
        figures.times.push_back(Clock::now() - began);
    }
    return figures;
}

}  // namespace

Result<Figures> run_idle(const std::filesystem::path& socket, const Exchange& exchange,
                         const Pace& pace) {
    TRY(Client client, Client::connect(socket));
    return paced(pace, [&]() -> Status {
        CHECK_OK(client.send(exchange.request));
        while (true) {
            TRY(const auto reply, client.receive(exchange.reply_size));
            if (!reply.empty()) {
                return Status::done();
            }
        }
    });
}

Result<Figures> run_fdatasync(const std::filesystem::path& directory, const Pace& pace) {
    const auto path = directory / "fdatasync";
    const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::array<char, 4096> page{};
    return paced(pace, [&]() -> Status {
        if (::write(fd.get(), page.data(), page.size()) < 0 || ::fdatasync(fd.get()) != 0) {
            return Error::from_errno("fdatasync in " + directory.string(), errno);
        }
        return Status::done();
    });
}

}  // namespace clawsigner::bench
