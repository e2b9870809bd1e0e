// clawsigner_bench: one measurement, printed as one line of JSON. scripts/bench runs many of them.

#include "base/file.h"
#include "bench/http.h"
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

int print(Result<bench::Figures> figures) {
    if (!figures.ok()) {
        std::fprintf(stderr, "clawsigner_bench: %s\n", figures.error().message.c_str());
        return 1;
    }
    std::printf("%s\n", figures->json().c_str());
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

    CLI11_PARSE(app, argc, argv);
    span.length = std::chrono::milliseconds(milliseconds);
    if (*sign_command) {
        return print(bench::sign_raw(signing, span));
    }
    return print(*agent_command ? agent(load, span) : post(load, request, span));
}
