// clawsigner_bench: one measurement, printed as one line of JSON. scripts/bench runs many of them.

#include "base/file.h"
#include "bench/fill.h"
#include "bench/http.h"
#include "bench/idle.h"
#include "bench/load.h"
#include "bench/ssh_agent.h"
#include "bench/token.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace clawsigner;

constexpr std::size_t kMaxBody = 4U << 20U;

struct Post {
    std::string target;
    std::string body_file;
    bool batch = false;
};

Result<bench::Figures> post(const bench::Load& load, const Post& post, const bench::Span& span) {
    TRY(const std::string body, base::read_file(post.body_file, kMaxBody));
    const auto exchange = post.batch ? bench::http_post_batch(post.target, body)
                                     : bench::http_post(post.target, body);
    return bench::run_load(load, exchange, span);
}

Result<bench::Figures> agent(const bench::Load& load, const bench::Span& span) {
    TRY(const auto exchange, bench::agent_signature(load.socket));
    return bench::run_load(load, exchange, span);
}

Result<bench::Figures> idle(const bench::Load& load, const Post& post, const bench::Pace& pace) {
    TRY(const std::string body, base::read_file(post.body_file, kMaxBody));
    return bench::run_idle(load.socket, bench::http_post(post.target, body), pace);
}

int print(Result<bench::Figures> figures) {
    if (!figures.ok()) {
        std::fprintf(stderr, "clawsigner_bench: %s\n", figures.error().message.c_str());
        return 1;
    }
    std::printf("%s\n", figures->json().c_str());
    return 0;
}

int fill(const std::string& directory, std::uint64_t leaves) {
    if (const Status filled = bench::fill_ledger(directory, leaves); !filled.ok()) {
        return print(filled.error());
    }
    std::printf("{}\n");
    return 0;
}

void add_load_options(CLI::App& command, bench::Load& load) {
    command.add_option("--socket", load.socket, "the Unix socket")->required();
    command.add_option("--connections", load.connections, "how many, each kept")
        ->check(CLI::PositiveNumber);
    command.add_option("--threads", load.threads, "that share the connections")
        ->check(CLI::PositiveNumber);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("One measurement, printed as one line of JSON. scripts/bench runs many of them.");
    app.name("clawsigner_bench");
    app.require_subcommand(1);
    bench::Span span;
    std::size_t milliseconds = 1000;
    app.add_option("--milliseconds", milliseconds, "how long to measure")->capture_default_str();

    bench::RawSigning signing;
    CLI::App* sign_command = app.add_subcommand("sign", "C_Sign on a PKCS#11 module, directly");
    sign_command->add_option("--module", signing.module)->required();
    sign_command->add_option("--token", signing.token, "its label")->required();
    sign_command->add_option("--pin-file", signing.pin_file)->required();
    sign_command->add_option("--threads", signing.threads)->check(CLI::PositiveNumber);
    sign_command->add_flag("--verify", signing.verify, "every signature, with OpenSSL");

    bench::Load load;
    Post request;
    CLI::App* post_command = app.add_subcommand("post", "POST to the daemon, closed loop");
    add_load_options(*post_command, load);
    post_command->add_option("--target", request.target, "the path")->required();
    post_command->add_option("--body", request.body_file, "a file")->required();
    post_command->add_flag("--batch", request.batch, "look for errors inside the answer, too");

    CLI::App* agent_command = app.add_subcommand("agent", "sign requests to an SSH agent");
    add_load_options(*agent_command, load);

    std::string get_target;
    CLI::App* get_command = app.add_subcommand("get", "GET from the daemon, closed loop");
    add_load_options(*get_command, load);
    get_command->add_option("--target", get_target, "the path")->required();

    bench::Pace pace;
    CLI::App* idle_command = app.add_subcommand("idle", "POST to the daemon, with pauses between");
    idle_command->add_option("--socket", load.socket, "the Unix socket")->required();
    idle_command->add_option("--target", request.target, "the path")->required();
    idle_command->add_option("--body", request.body_file, "a file")->required();

    std::string directory;
    CLI::App* disk_command =
        app.add_subcommand("fdatasync", "a page and fdatasync, as idle pauses");
    disk_command->add_option("DIRECTORY", directory)->required();

    std::uint64_t leaves = 0;
    CLI::App* fill_command = app.add_subcommand("fill", "make a ledger, and measure nothing");
    fill_command->add_option("DIRECTORY", directory)->required();
    fill_command->add_option("--leaves", leaves)->required();

    CLI11_PARSE(app, argc, argv);
    if (*fill_command) {
        return fill(directory, leaves);
    }
    if (*disk_command) {
        return print(bench::run_fdatasync(directory, pace));
    }
    if (*idle_command) {
        return print(idle(load, request, pace));
    }
    span.length = std::chrono::milliseconds(milliseconds);
    if (*get_command) {
        return print(bench::run_load(load, bench::http_get(get_target), span));
    }
    if (*sign_command) {
        return print(bench::sign_raw(signing, span));
    }
    return print(*agent_command ? agent(load, span) : post(load, request, span));
}
