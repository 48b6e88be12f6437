#include "server/keys.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/format/json.h"
#include "server/command_signer.h"

namespace granary {

namespace {
constexpr std::string_view kCommandKind = "key-command";
constexpr size_t kMaxPublicFileBytes = 64 << 10;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedPkcs8 = std::unique_ptr<X509_SIG, Free<X509_SIG_free>>;

Error defect(const char* what) { return {Code::kInternal, str("OpenSSL cannot ", what)}; }

Bio bio_over(ByteView bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

ByteView contents_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

Result<PublicKey> public_half(const Key& key) {
  Bytes raw(kEd25519PublicBytes, '\0');
  size_t size = raw.size();
  const bool is_ed25519 = key && EVP_PKEY_is_a(key.get(), "ED25519") == 1;
  if (!is_ed25519 || EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1)
    return Error{Code::kInvalid, "is not an Ed25519 key"};
  return PublicKey::make(std::string(kEd25519), std::move(raw));
}

// A private key in this process. OpenSSL wipes it when it is freed.
class FileSigner : public Signer {
 public:
  FileSigner(Key key, PublicKey public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}

  const PublicKey& public_key() const override { return public_key_; }

  Result<Bytes> sign(ByteView message) override {
    const DigestContext context(EVP_MD_CTX_new());
    Bytes signature(kEd25519SignatureBytes, '\0');
    size_t size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1)
      return defect("sign");
    return signature;
  }

 private:
  const Key key_;
  const PublicKey public_key_;
};

// ---- writing

Result<Key> generate() {
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_keygen(context.get(), &key) != 1)
    return defect("make a key");
  return Key(key);
}

// scrypt with the cost that OWASP recommends for 16 MiB (N = 2^14, r = 8, p = 5): OpenSSL reads it back within its
// default limit of 32 MiB.
Result<EncryptedPkcs8> encrypt(PKCS8_PRIV_KEY_INFO* key, ByteView passphrase) {
  unsigned char salt[16];
  unsigned char iv[16];
  if (RAND_bytes(salt, sizeof salt) != 1 || RAND_bytes(iv, sizeof iv) != 1) return defect("make random bytes");
  X509_ALGOR* algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, iv, 1 << 14, 8, 5);
  if (algorithm == nullptr) return defect("encrypt a key");
  EncryptedPkcs8 out(PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), key, algorithm));
  if (!out) {
    X509_ALGOR_free(algorithm);
    return defect("encrypt a key");
  }
  return out;
}

Result<Secret> private_pem(const Key& key, const Secret& passphrase) {
  const Pkcs8 plain(EVP_PKEY2PKCS8(key.get()));
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!plain || !out) return defect("encode a key");
  if (passphrase.empty()) {
    if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(out.get(), plain.get()) != 1) return defect("encode a key");
  } else {
    const EncryptedPkcs8 encrypted = TRY(encrypt(plain.get(), passphrase.view()));
    if (PEM_write_bio_PKCS8(out.get(), encrypted.get()) != 1) return defect("encode a key");
  }
  return Secret(Bytes(contents_of(out)));
}

Status write_new_file(const std::string& path, ByteView bytes, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid() && errno == EEXIST)
    return Error{Code::kConflict, printable(path) + " exists already; keys are never overwritten"};
  if (!fd.valid()) return system_error(errno, "cannot create " + printable(path));
  TRY_WITHIN("cannot write " + printable(path), write_all(fd.get(), bytes));
  if (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0)
    return system_error(errno, "cannot write " + printable(path));
  return Done{};
}

std::string public_path_of(const std::string& path) {
  const std::string_view suffix = ".key";
  const bool named = path.size() > suffix.size() && path.ends_with(suffix);
  return (named ? path.substr(0, path.size() - suffix.size()) : path) + ".pub";
}

// ---- reading

// Gives OpenSSL the passphrase, and remembers why there was none.
struct Asked {
  const AskPassphrase* ask;
  const std::string* path;
  std::optional<Error> failure;
  bool was_asked = false;

  static int answer(char* buffer, int size, int, void* self_pointer) {
    auto* self = static_cast<Asked*>(self_pointer);
    self->was_asked = true;
    const Result<Secret> secret = (*self->ask)("key " + printable(*self->path));
    if (!secret) {
      self->failure = secret.error();
      return -1;
    }
    const ByteView text = secret->view();
    if (text.size() > static_cast<size_t>(size)) return -1;
    std::copy(text.begin(), text.end(), buffer);
    return static_cast<int>(text.size());
  }
};

Result<std::unique_ptr<Signer>> load_pem(ByteView text, const std::string& path, const AskPassphrase& ask) {
  Asked asked{&ask, &path, std::nullopt, false};
  Key key(PEM_read_bio_PrivateKey(bio_over(text).get(), nullptr, Asked::answer, &asked));
  if (asked.failure) return *asked.failure;
  if (!key && asked.was_asked) return Error{Code::kInvalid, "the passphrase is wrong, or the file is damaged"};
  if (!key) return Error{Code::kInvalid, "is neither a private key in PEM nor a key command"};
  PublicKey half = TRY(public_half(key));
  return std::unique_ptr<Signer>(std::make_unique<FileSigner>(std::move(key), std::move(half)));
}

struct KeyCommand {
  PublicKey key;
  std::vector<std::string> command;
};

bool is_json(ByteView text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  return start != ByteView::npos && text[start] == '{';
}

Result<KeyCommand> parse_key_command(ByteView text) {
  const JsonValue json =
      TRY(parse_document(text, kMaxPublicFileBytes, kCommandKind, {"algorithm", "public", "command"}));
  const JsonReader in = TRY(JsonReader::of(json, std::string(kCommandKind)));
  const std::string algorithm = TRY(in.text("algorithm"));
  if (algorithm != kEd25519) return in.wrong("algorithm", "is none that we know; \"ed25519\" is");
  Bytes raw = TRY(in.base64("public"));
  PublicKey key = TRY(PublicKey::make(algorithm, std::move(raw)));
  std::vector<std::string> command = TRY(in.texts("command"));
  if (command.empty() || command.front().empty()) return in.wrong("command", "is empty");
  return KeyCommand{std::move(key), std::move(command)};
}

Result<KeyCommand> load_key_command(ByteView text) {
  Result<KeyCommand> command = parse_key_command(text);
  if (!command) return Error{Code::kInvalid, command.error().message};
  return command;
}
}  // namespace

Result<PublicKey> create_key(const std::string& path, const Secret& passphrase) {
  const Key key = TRY(generate());
  PublicKey half = TRY(public_half(key));
  const Secret pem = TRY(private_pem(key, passphrase));
  TRY(write_new_file(path, pem.view(), 0600));
  TRY(write_new_file(public_path_of(path), public_key_pem(half), 0644));
  TRY(sync_directory(parent_of(path)));
  return half;
}

Result<std::unique_ptr<Signer>> load_key(const std::string& path, const AskPassphrase& ask) {
  const std::string what = "cannot use key " + printable(path);
  const Secret text = TRY_WITHIN(what, read_secret_file(path));
  if (!is_json(text.view())) return TRY_WITHIN(what, load_pem(text.view(), path, ask));
  KeyCommand command = TRY_WITHIN(what, load_key_command(text.view()));
  return std::unique_ptr<Signer>(std::make_unique<CommandSigner>(std::move(command.key), std::move(command.command)));
}

Result<PublicKey> load_public_key(const std::string& path) {
  const std::string what = "cannot use public key " + printable(path);
  const Bytes text = TRY_WITHIN(what, read_file(path, kMaxPublicFileBytes));
  if (is_json(text)) return TRY_WITHIN(what, load_key_command(text)).key;
  const Key key(PEM_read_bio_PUBKEY(bio_over(text).get(), nullptr, nullptr, nullptr));
  if (!key) return Error{Code::kInvalid, what + ": is neither a public key in PEM nor a key command"};
  return TRY_WITHIN(what, public_half(key));
}

Bytes public_key_pem(const PublicKey& key) {
  const Key openssl_key(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(key.raw().data()), key.raw().size()));
  const Bio out(BIO_new(BIO_s_mem()));
  if (!openssl_key || !out || PEM_write_bio_PUBKEY(out.get(), openssl_key.get()) != 1) return {};
  return Bytes(contents_of(out));
}

Status KeyDirectory::create() const {
  for (const std::string& directory : {path_, root_path()}) {
    TRY(make_directories(directory, 0700));
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(directory, failure)) {
      if (file.path() == root_path()) continue;
      return Error{Code::kConflict, str("the key directory ", printable(directory), " is not empty (it holds ",
                                        printable(file.path().filename().string()), "); name another")};
    }
    if (::chmod(directory.c_str(), 0700) != 0) return system_error(errno, "cannot chmod 700 " + printable(directory));
  }
  return Done{};
}

Result<Signers> load_keys(const std::string& directory, const std::string& prefix, const AskPassphrase& ask) {
  std::vector<std::string> paths;
  std::error_code failure;
  for (const auto& file : std::filesystem::directory_iterator(directory, failure)) {
    const std::string name = file.path().filename();
    if (name.starts_with(prefix) && name.ends_with(".key")) paths.push_back(file.path());
  }
  if (failure) return system_error(failure.value(), "cannot look for keys in " + printable(directory));
  if (paths.empty()) return Error{Code::kNotFound, str("there is no key ", printable(directory), "/", prefix, "*.key")};
  std::sort(paths.begin(), paths.end());
  Signers signers;
  for (const std::string& path : paths) signers.push_back(TRY(load_key(path, ask)));
  return signers;
}

Result<Signers> KeyDirectory::load_root(const AskPassphrase& ask) const { return load_keys(root_path(), "", ask); }
Result<Signers> KeyDirectory::load_release(const AskPassphrase& ask) const { return load_keys(path_, "release", ask); }
Result<Signers> KeyDirectory::load_timestamp(const AskPassphrase& ask) const {
  return load_keys(path_, "timestamp", ask);
}

}  // namespace granary
