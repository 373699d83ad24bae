// Certificates for tests, made in memory: an authority, and servers that it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace virtufin::test {

struct CertificateText {
  std::string certificate_pem;
  std::string key_pem;
};

/// A key and its certificate; signs others when it is an authority.
class TestCertificate {
 public:
  struct Options {
    std::string names = "DNS:localhost,IP:127.0.0.1";  // subjectAltName
    bool authority = false;
    std::string subject = "test";
    long valid_from_s = -3600, valid_until_s = 3600;  // from now on
  };

  /// Signed by `issuer`; by itself without one.
  explicit TestCertificate(const Options& options, const TestCertificate* issuer = nullptr)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
    static long serial = 1;
    X509* c = certificate_.get();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), options.valid_from_s);
    X509_gmtime_adj(X509_getm_notAfter(c), options.valid_until_s);
    X509_set_pubkey(c, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(options.subject.c_str()), -1,
                               -1, 0);
    const X509* signer = issuer == nullptr ? c : issuer->certificate_.get();
    X509_set_issuer_name(c, X509_get_subject_name(signer));
    AddExtension(NID_basic_constraints, options.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!options.authority) AddExtension(NID_subject_alt_name, options.names.c_str());
    X509_sign(c, issuer == nullptr ? key_.get() : issuer->key_.get(), EVP_sha256());
  }

  CertificateText Text() const {
    CertificateText text;
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(out.get(), certificate_.get());
    text.certificate_pem = Contents(out.get());
    PEM_write_bio_PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    text.key_pem = Contents(out.get());
    return text;
  }

 private:
  void AddExtension(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  static std::string Contents(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_reset(bio);
    return text;
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace virtufin::test
