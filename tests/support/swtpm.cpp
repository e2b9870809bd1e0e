#include "support/swtpm.h"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace clawsigner::tests {
namespace {

bool takes_connections(const std::filesystem::path& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    const bool connected =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return connected;
}

}  // namespace

tpm::TpmSettings Swtpm::settings() const {
    tpm::TpmSettings settings;
    settings.tcti = tcti();
    settings.directory = dir_ / "keys";
    settings.only_manufacturer = kManufacturer;
    return settings;
}

Swtpm::Swtpm() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread of the test
    ::setenv("TSS2_LOG", "all+NONE", 0);
    start();
}

void Swtpm::start() {
    const auto state = dir_ / state_;
    std::filesystem::create_directories(state);
    std::vector<std::string> words{"swtpm",
                                   "socket",
                                   "--tpm2",
                                   "--tpmstate",
                                   "dir=" + state.string(),
                                   "--server",
                                   "type=unixio,path=" + socket().string(),
                                   "--ctrl",
                                   "type=unixio,path=" + socket().string() + ".ctrl",
                                   "--flags",
                                   "not-need-init,startup-clear",
                                   "--log",
                                   "file=" + (dir_ / "log").string()};
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    REQUIRE(::posix_spawnp(&process_, "swtpm", nullptr, nullptr, arguments.data(), environ) == 0);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!takes_connections(socket().string() + ".ctrl") || !std::filesystem::exists(socket())) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

void Swtpm::kill() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    process_ = -1;
    std::error_code ignored;
    std::filesystem::remove(socket(), ignored);
    std::filesystem::remove(socket().string() + ".ctrl", ignored);
}

void Swtpm::forget_persistent(std::uint32_t handle) const {
    std::array<char, 16> hex{};
    std::snprintf(hex.data(), hex.size(), "0x%08X", handle);
    if (tool("tpm2_getcap handles-persistent").find(hex.data()) != std::string::npos) {
        tool("tpm2_evictcontrol -Q -C o -c " + std::string(hex.data()));
    }
}

void Swtpm::pause() const {
    ::kill(process_, SIGSTOP);
}

void Swtpm::resume() const {
    ::kill(process_, SIGCONT);
}

void Swtpm::replace() {
    kill();
    state_ = "another";
    start();
}

std::string Swtpm::tool(const std::string& words) const {
    const std::string command = "TPM2TOOLS_TCTI='" + tcti() + "' TSS2_LOG=all+NONE " + words;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    std::array<char, 4096> some{};
    for (std::size_t got = 0; (got = std::fread(some.data(), 1, some.size(), pipe)) > 0;) {
        output.append(some.data(), got);
    }
    INFO(words << "\n" << output);
    REQUIRE(::pclose(pipe) == 0);
    return output;
}

}  // namespace clawsigner::tests
