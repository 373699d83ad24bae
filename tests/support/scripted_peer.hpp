// ScriptedPeer: a server of raw bytes on loopback, plain or TLS, that does what a test says and
// nothing of its own: wrong frames, halves of answers, silence.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "support/certificates.hpp"

namespace virtufin::test {

struct PeerFrame {
  int opcode = -1;  // -1: the connection ended
  bool fin = true;
  std::string payload;
};

/// One accepted connection, used by the script's thread.
class PeerLink {
 public:
  PeerLink(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

  /// At least one byte; false at the end of the stream.
  bool Fill() {
    char block[16384];
    const auto got = ssl_ != nullptr ? static_cast<ssize_t>(SSL_read(ssl_, block, sizeof(block)))
                                     : recv(fd_, block, sizeof(block), 0);
    if (got <= 0) return false;
    in_.append(block, static_cast<std::size_t>(got));
    return true;
  }
  std::string Read(std::size_t size) {
    while (in_.size() < size && Fill()) {
    }
    return Take(std::min(size, in_.size()));
  }
  std::string ReadUntil(std::string_view mark) {
    while (in_.find(mark) == std::string::npos) {
      if (!Fill()) return Take(in_.size());
    }
    return Take(in_.find(mark) + mark.size());
  }
  /// Reads until the other side ends; what came.
  std::string ReadAll() {
    while (Fill()) {
    }
    return Take(in_.size());
  }
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent =
          ssl_ != nullptr
              ? static_cast<ssize_t>(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())))
              : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// The connection ends with a reset instead of an end of stream.
  void Reset() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  /// Reads the client's upgrade and accepts it; the request.
  std::string Upgrade(const std::string& extra = {}) {
    std::string request = ReadUntil("\r\n\r\n");
    Write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          extra + "Sec-WebSocket-Accept: " + Accept(Header(request, "sec-websocket-key")) +
          "\r\n\r\n");
    return request;
  }
  bool Send(int opcode, std::string_view payload, bool fin = true) {
    return Write(Frame(opcode, payload, fin));
  }
  PeerFrame ReadFrame() {
    const std::string head = Read(2);
    if (head.size() < 2) return {};
    std::size_t size = static_cast<unsigned char>(head[1]) & 0x7f;
    if (size >= 126) {
      const std::string length = Read(size == 126 ? 2 : 8);
      size = 0;
      for (unsigned char c : length) size = size << 8 | c;
    }
    const std::string mask = (head[1] & 0x80) != 0 ? Read(4) : std::string(4, '\0');
    PeerFrame frame{head[0] & 0x0f, (head[0] & 0x80) != 0, Read(size)};
    for (std::size_t i = 0; i < frame.payload.size(); ++i) frame.payload[i] ^= mask[i % 4];
    return frame;
  }

  static std::string Frame(int opcode, std::string_view payload, bool fin = true) {
    std::string frame(1, static_cast<char>((fin ? 0x80 : 0) | opcode));
    const std::size_t size = payload.size();
    if (size < 126) {
      frame += static_cast<char>(size);
    } else {
      const int bytes = size < 65536 ? 2 : 8;
      frame += static_cast<char>(bytes == 2 ? 126 : 127);
      for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>(size >> (8 * i) & 0xff);
    }
    return frame.append(payload);
  }
  /// The value of a header, its name in lower case.
  static std::string Header(const std::string& request, const std::string& name) {
    std::string lower = request;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t at = lower.find("\r\n" + name + ":");
    if (at == std::string::npos) return {};
    const std::size_t begin = request.find_first_not_of(' ', at + name.size() + 3);
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }

 private:
  std::string Take(std::size_t size) {
    std::string out = in_.substr(0, size);
    in_.erase(0, size);
    return out;
  }
  static std::string Accept(const std::string& key) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20], base64[32];
    EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha1(), nullptr);
    EVP_EncodeBlock(base64, digest, sizeof(digest));
    return reinterpret_cast<const char*>(base64);
  }

  int fd_;
  SSL* ssl_;
  std::string in_;
};

/// Accepts one connection after another and runs the script on each; its number counts from 0.
class ScriptedPeer {
 public:
  using Script = std::function<void(PeerLink&, int number)>;

  explicit ScriptedPeer(Script script, const CertificateText* tls = nullptr)
      : script_(std::move(script)) {
    if (tls != nullptr) {
      tls_ = SSL_CTX_new(TLS_server_method());
      BIO* bio = BIO_new_mem_buf(tls->certificate_pem.data(), -1);
      X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
      BIO_free(bio);
      bio = BIO_new_mem_buf(tls->key_pem.data(), -1);
      EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
      BIO_free(bio);
      SSL_CTX_use_certificate(tls_, certificate);
      SSL_CTX_use_PrivateKey(tls_, key);
      X509_free(certificate);
      EVP_PKEY_free(key);
    }
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 64);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~ScriptedPeer() {
    stopped_ = true;
    {
      std::lock_guard lock(mutex_);
      if (current_ >= 0) shutdown(current_, SHUT_RDWR);
    }
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    SSL_CTX_free(tls_);
  }
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  int port() const { return port_; }
  std::string Url(const std::string& scheme, const std::string& target = "/") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + target;
  }

 private:
  void Run() {
    // OpenSSL writes without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (int number = 0; !stopped_; ++number) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const timeval limit{30, 0};
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
      {
        std::lock_guard lock(mutex_);
        current_ = fd;
      }
      SSL* ssl = nullptr;
      bool ready = true;
      if (tls_ != nullptr) {
        ssl = SSL_new(tls_);
        SSL_set_fd(ssl, fd);
        ready = SSL_accept(ssl) == 1;
      }
      if (ready && !stopped_) {
        PeerLink link(fd, ssl);
        script_(link, number);
      }
      {
        std::lock_guard lock(mutex_);
        current_ = -1;
      }
      if (ssl != nullptr) {
        SSL_shutdown(ssl);
        SSL_free(ssl);
      }
      close(fd);
    }
  }

  Script script_;
  SSL_CTX* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  int current_ = -1;
  std::thread thread_;
};

}  // namespace virtufin::test
