// Certificates made on the spot, for tests of TLS: good, expired, for another host, self-signed.
#pragma once

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace virtufin::test {

struct Certificate {
  std::string pem;
  std::string key_pem;
};

struct CertificateOptions {
  std::string names = "IP:127.0.0.1,DNS:localhost";  // as OpenSSL writes subjectAltName
  long from_s = -3600;                               // validity, seconds from now
  long until_s = 3600;
  bool authority = false;               // may sign others
  const Certificate* issuer = nullptr;  // none: signs itself
};

namespace detail {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

inline std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

inline void Extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  REQUIRE(extension != nullptr);
  REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace detail

inline Certificate MakeCertificate(const CertificateOptions& options = {}) {
  using detail::Owned;
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> certificate(X509_new());
  REQUIRE(key != nullptr);
  Owned<EVP_PKEY> issuer_key;
  Owned<X509> issuer;
  if (options.issuer != nullptr) {
    const Owned<BIO> key_bio(BIO_new_mem_buf(options.issuer->key_pem.data(), -1));
    const Owned<BIO> pem_bio(BIO_new_mem_buf(options.issuer->pem.data(), -1));
    issuer_key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    issuer.reset(PEM_read_bio_X509(pem_bio.get(), nullptr, nullptr, nullptr));
    REQUIRE(issuer_key != nullptr);
    REQUIRE(issuer != nullptr);
  }
  static long serial = 1;
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.until_s);
  X509_set_pubkey(certificate.get(), key.get());
  const std::string name = (options.authority ? "authority " : "host ") + std::to_string(serial);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       issuer != nullptr ? X509_get_subject_name(issuer.get()) : subject);
  X509* const signer = issuer != nullptr ? issuer.get() : certificate.get();
  detail::Extend(certificate.get(), signer, NID_basic_constraints,
                 options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!options.authority) {
    detail::Extend(certificate.get(), signer, NID_subject_alt_name, options.names);
  }
  REQUIRE(X509_sign(certificate.get(), issuer_key != nullptr ? issuer_key.get() : key.get(),
                    EVP_sha256()) != 0);
  const Owned<BIO> pem(BIO_new(BIO_s_mem()));
  const Owned<BIO> key_pem(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(pem.get(), certificate.get()) == 1);
  REQUIRE(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                   nullptr) == 1);
  return {detail::Text(pem.get()), detail::Text(key_pem.get())};
}

}  // namespace virtufin::test
