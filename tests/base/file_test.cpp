#include "base/file.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace clawsigner;
using tests::TempDir;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

}  // namespace

TEST_CASE("secret file: is read without the editor's line ending") {
    const TempDir dir;
    const auto pin = base::read_secret_file(dir.write("pin", "1234\r\n", 0400));
    REQUIRE(pin.ok());
    CHECK(std::string_view(pin->expose_c_str()) == "1234");
}

TEST_CASE("secret file: one that others may read, or its owner write, is refused by name") {
    const TempDir dir;
    for (const unsigned mode : {0600U, 0440U, 0404U, 0644U, 0500U}) {
        const auto pin = base::read_secret_file(dir.write("pin", "1234", mode));
        REQUIRE_FALSE(pin.ok());
        CHECK(pin.error().code == ErrorCode::config_invalid);
        CHECK_THAT(pin.error().message, Catch::Contains("chmod 0400"));
        std::filesystem::remove(dir / "pin");
    }
}

TEST_CASE("secret file: a link, a directory, a fifo, nothing and too much are refused") {
    const TempDir dir;
    dir.write("real", "1234", 0400);
    std::filesystem::create_symlink(dir / "real", dir / "link");
    CHECK_FALSE(base::read_secret_file(dir / "link").ok());
    CHECK_FALSE(base::read_secret_file(dir.path()).ok());
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0400) == 0);
    CHECK_FALSE(base::read_secret_file(dir / "fifo").ok());
    CHECK_FALSE(base::read_secret_file(dir / "absent").ok());
    CHECK_FALSE(base::read_secret_file(dir.write("empty", "\n", 0400)).ok());
    CHECK(base::read_secret_file(dir.write("most", std::string(4096, '1'), 0400)).ok());
    CHECK_FALSE(base::read_secret_file(dir.write("more", std::string(4097, '1'), 0400)).ok());
}

TEST_CASE("durable write: replaces a file whole and leaves nothing else behind") {
    const TempDir dir;
    REQUIRE(base::write_file_durably(dir / "state", "one", 0400).ok());
    REQUIRE(base::write_file_durably(dir / "state", "two", 0640).ok());
    CHECK(base::read_file(dir / "state", 100).value() == "two");
    CHECK(mode_of(dir / "state") == 0640U);
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("durable write: into no directory fails and says where") {
    const TempDir dir;
    const Status written = base::write_file_durably(dir / "no" / "state", "x", 0600);
    REQUIRE_FALSE(written.ok());
    CHECK_THAT(written.error().message, Catch::Contains("no/state"));
}

TEST_CASE("read file: stops at its limit") {
    const TempDir dir;
    dir.write("file", "0123456789");
    CHECK(base::read_file(dir / "file", 10).value() == "0123456789");
    CHECK(base::read_file(dir / "file", 9).error().code == ErrorCode::too_large);
}

TEST_CASE("own file: is read back, is nothing when it is not there, and is no link") {
    const TempDir dir;
    REQUIRE(base::write_file_durably(dir / "state", "one", 0600).ok());
    CHECK(base::read_own_file(dir / "state", 100).value() == "one");
    REQUIRE(base::remove_file_durably(dir / "state").ok());
    CHECK_FALSE(base::read_own_file(dir / "state", 100).value().has_value());
    CHECK(base::remove_file_durably(dir / "state").ok());
    std::filesystem::create_symlink(dir.write("elsewhere", "x"), dir / "state");
    CHECK(base::read_own_file(dir / "state", 100).error().code == ErrorCode::io_failed);
}

TEST_CASE("overwriting: leaves zeros, also in a file that is read-only, and follows no link") {
    const TempDir dir;
    REQUIRE(base::write_file_durably(dir / "seed", "secret", 0400).ok());
    REQUIRE(base::overwrite_with_zeros(dir / "seed").ok());
    CHECK(base::read_file(dir / "seed", 100).value() == std::string(6, '\0'));
    CHECK(base::overwrite_with_zeros(dir / "nothing").ok());
    std::filesystem::create_symlink(dir.write("elsewhere", "x"), dir / "link");
    CHECK(base::overwrite_with_zeros(dir / "link").error().code == ErrorCode::io_failed);
    CHECK(base::read_file(dir / "elsewhere", 100).value() == "x");
}

TEST_CASE("durable directories: those that are missing are made, and those that are there stay") {
    const TempDir dir;
    REQUIRE(base::make_directories_durably(dir / "a/b/c").ok());
    CHECK(std::filesystem::is_directory(dir / "a/b/c"));
    REQUIRE(base::make_directories_durably(dir / "a/b").ok());
    dir.write("file", "x");
    CHECK(base::make_directories_durably(dir / "file/d").error().code == ErrorCode::io_failed);
}
