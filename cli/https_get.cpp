#include "cli/https_get.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/impl/src.hpp>  // the one file that speaks TLS compiles it
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace clawsigner::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using Tcp = asio::ip::tcp;
using Stream = ssl::stream<beast::tcp_stream>;

constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::size_t kMaxBody = 256U << 10U;
constexpr std::size_t kMaxUrl = 2048;
constexpr std::string_view kScheme = "https://";

Error unreachable(const HttpsUrl& url, std::string_view why) {
    return {ErrorCode::unreachable,
            "https://" + url.host + ":" + url.port + url.path + ": " + std::string(why)};
}

/// One asynchronous step to its end, or until kPatience from when the context was made is over.
template <class Start>
beast::error_code run(asio::io_context& context, const Start& start) {
    beast::error_code outcome = asio::error::timed_out;
    start([&](const beast::error_code& error, const auto&...) { outcome = error; });
    context.restart();
    context.run_for(kPatience);
    return outcome;
}

Status trust(ssl::context& tls, const HttpsUrl& url,
             const std::optional<std::filesystem::path>& ca_file) {
    beast::error_code error;
    if (ca_file) {
        tls.load_verify_file(ca_file->string(), error);
    } else {
        tls.set_default_verify_paths(error);
    }
    if (error) {
        return unreachable(url,
                           "the certificates of authorities cannot be read: " + error.message());
    }
    tls.set_verify_mode(ssl::verify_peer, error);
    tls.set_verify_callback(ssl::host_name_verification(url.host), error);
    const bool modern = SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION) == 1;
    return error || !modern ? Status(unreachable(url, "TLS cannot be set up")) : Status::done();
}

Result<std::string> exchange(asio::io_context& context, Stream& stream, const HttpsUrl& url) {
    http::request<http::empty_body> message(http::verb::get, url.path, 11);
    message.set(http::field::host, url.port == "443" ? url.host : url.host + ":" + url.port);
    message.set(http::field::accept, "application/json");
    message.keep_alive(false);
    beast::error_code error =
        run(context, [&](auto done) { http::async_write(stream, message, done); });
    if (error) {
        return unreachable(url, error.message());
    }
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    error = run(context, [&](auto done) { http::async_read(stream, buffer, parser, done); });
    if (error) {
        return unreachable(url, error.message());
    }
    if (parser.get().result() != http::status::ok) {
        return unreachable(
            url, "answers " + std::to_string(parser.get().result_int()) +
                     (parser.get().result_int() / 100 == 3 ? ", a redirect, which is not followed"
                                                           : ""));
    }
    return std::move(parser.get().body());
}

/// RFC 6066 section 3: an address is no name to ask for.
bool says_its_name(Stream& stream, std::string host) {
    boost::system::error_code no_address;
    asio::ip::make_address(host, no_address);
    // SSL_set_tlsext_host_name, which is a macro with old casts
    return !no_address || SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                   TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

bool is_host(std::string_view host) {
    return !host.empty() && host.size() <= 253 &&
           host.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") ==
               std::string_view::npos;
}

bool is_port(std::string_view port) {
    return !port.empty() && port.size() <= 5 &&
           port.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_path(std::string_view path) {
    return std::ranges::all_of(path, [](char c) {
        return c > ' ' && c < '\x7f' && c != '?' && c != '#' && c != '"' && c != '\\';
    });
}

}  // namespace

Result<HttpsUrl> parse_https_url(std::string_view text) {
    const Error refused(ErrorCode::invalid_field,
                        "the URL must be https://HOST[:PORT][/PATH], without query");
    if (!text.starts_with(kScheme) || text.size() > kMaxUrl) {
        return refused;
    }
    text.remove_prefix(kScheme.size());
    HttpsUrl url;
    const std::size_t slash = text.find('/');
    std::string_view authority = text.substr(0, slash);
    if (slash != std::string_view::npos) {
        url.path = text.substr(slash);
    }
    if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
        url.port = authority.substr(colon + 1);
        authority = authority.substr(0, colon);
    }
    url.host = authority;
    return is_host(url.host) && is_port(url.port) && is_path(url.path) ? Result<HttpsUrl>(url)
                                                                       : refused;
}

Result<std::string> https_get(const HttpsUrl& url,
                              const std::optional<std::filesystem::path>& ca_file) {
    asio::io_context context(1);
    ssl::context tls(ssl::context::tls_client);
    CHECK_OK(trust(tls, url, ca_file));
    Tcp::resolver resolver(context);
    Tcp::resolver::results_type found;
    beast::error_code error = run(context, [&](auto done) {
        resolver.async_resolve(url.host, url.port,
                               [&found, done](const beast::error_code& code, auto results) {
                                   found = std::move(results);
                                   done(code);
                               });
    });
    if (error) {
        return unreachable(url, error.message());
    }
    Stream stream(context, tls);
    if (!says_its_name(stream, url.host)) {
        return unreachable(url, "TLS cannot be set up");
    }
    beast::get_lowest_layer(stream).expires_after(kPatience);
    error = run(context,
                [&](auto done) { beast::get_lowest_layer(stream).async_connect(found, done); });
    if (error) {
        return unreachable(url, error.message());
    }
    error =
        run(context, [&](auto done) { stream.async_handshake(ssl::stream_base::client, done); });
    if (error) {
        return unreachable(url, "no trustworthy TLS: " + error.message());
    }
    return exchange(context, stream, url);
}

}  // namespace clawsigner::cli
