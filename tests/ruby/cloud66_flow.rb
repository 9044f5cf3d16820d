# The flow that Cloud 66 documents for Ruby's oauth2 gem, end to end against a running server:
#
#   ruby cloud66_flow.rb URL APPLICATION_ID SECRET
#
# Nothing here knows that the server is a sandbox, except who is picked on its sign-in page.
require 'oauth2'
require 'net/http'
require 'cgi'
require 'securerandom'

SITE, APPLICATION_ID, SECRET = ARGV
PERSON = 'maya@harbourfinch.example'
CALLBACK = 'http://localhost:3456/auth/cloud66/callback'
OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob'

# A browser as far as forms go: cookies, redirects, hidden fields.
class Browser
  Page = Struct.new(:uri, :body)

  def initialize
    @cookies = {}
  end

  def get(uri)
    go(Net::HTTP::Get.new(URI(uri)), URI(uri))
  end

  # Sends the form that contains `mark`, with its own hidden fields.
  def submit(page, mark)
    form = page.body.scan(%r{<form.*?</form>}m).find { |one| one.include?(mark) } or abort "no form with #{mark}"
    uri = page.uri + form[/action="([^"]*)"/, 1]
    request = Net::HTTP::Post.new(uri)
    fields = form.scan(/<input type="hidden" name="([^"]*)" value="([^"]*)"/)
    request.set_form_data(fields.map { |name, value| [name, CGI.unescapeHTML(value)] })
    go(request, uri)
  end

  private

  # Follows redirects on the server; stops at one that leads elsewhere.
  def go(request, uri)
    request['Cookie'] = @cookies.map { |name, value| "#{name}=#{value}" }.join('; ')
    answer = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
    (answer.get_fields('Set-Cookie') || []).each do |line|
      name, value = line.split(';').first.split('=', 2)
      @cookies[name] = value
    end
    return Page.new(uri, answer.body) unless answer.is_a?(Net::HTTPRedirection)

    target = uri + answer['Location']
    return Page.new(target, '') unless target.host == uri.host && target.port == uri.port

    get(target.to_s)
  end
end

def check(truth, words)
  abort "failed: #{words}" unless truth
end

# Signs in where that is asked for, gives access where that is asked for.
def authorize(browser, address)
  page = browser.get(address)
  page = browser.submit(page, PERSON) if page.uri.path == '/users/sign_in'
  page = browser.submit(page, 'id="authorize"') if page.body.include?('id="authorize"')
  page
end

client = OAuth2::Client.new(APPLICATION_ID, SECRET,
                            site: SITE, authorize_url: '/oauth/authorize', token_url: '/oauth/token')

# With a callback: the state comes back and is compared.
state = SecureRandom.hex(16)
address = client.auth_code.authorize_url(redirect_uri: CALLBACK, scope: 'public redeploy', state: state)
returned = authorize(Browser.new, address)
check returned.uri.to_s.start_with?(CALLBACK), "called back at #{returned.uri}"
answer = URI.decode_www_form(returned.uri.query).to_h
check answer['state'] == state, 'the state is the one that was sent'
token = client.auth_code.get_token(answer.fetch('code'), redirect_uri: CALLBACK)
check token.token.length >= 40, 'a token'
check !token.expires?, 'tokens do not expire'
check token.params['scope'] == 'public redeploy', "scope #{token.params['scope']}"

# All stacks, page by page.
stacks = []
page = 1
loop do
  body = token.get('/api/3/stacks.json', params: { page: page }).parsed
  stacks.concat(body['response'])
  check body['count'] == body['response'].length, 'count is of this page'
  break unless body['pagination']['next']

  page = body['pagination']['next']
end
check stacks.map { |stack| stack['uid'] }.uniq.length == stacks.length, 'each stack once'
puts "#{stacks.length} stacks over #{page} pages"

# Redeploy one and wait for the action.
stack = stacks.find { |one| one['status'] == 1 && !one['is_busy'] && one['framework'] != 'docker' }
sent = token.post("/api/3/stacks/#{stack['uid']}/deployments.json", body: { user_reference: 'ruby' }).parsed
check sent['response']['ok'], 'accepted'
action_path = "/api/3/stacks/#{stack['uid']}/actions/#{sent['response']['async_action_id']}.json"
deadline = Time.now + 60
loop do
  action = token.get(action_path).parsed['response']
  check Time.now < deadline, 'the action ends'
  if action['finished_at']
    check action['finished_success'] == true, action['finished_message']
    check action['metadata'] == { 'user_reference' => 'ruby' }, 'the reference comes back'
    break
  end
  sleep 0.1
end
newest = token.get("/api/3/stacks/#{stack['uid']}/deployments.json").parsed['response'].first
check newest['is_live'] && newest['triggered_by'] == PERSON, 'the newest deployment is live'
puts 'deployed by callback'

# Out of band: the code is on a page.
address = client.auth_code.authorize_url(redirect_uri: OUT_OF_BAND, scope: 'public redeploy')
shown = authorize(Browser.new, address)
code = CGI.unescapeHTML(shown.body[%r{<code id="authorization_code">([^<]*)</code>}, 1])
token = client.auth_code.get_token(code, redirect_uri: OUT_OF_BAND)
who = token.get('/api/3/ping/auth.json').parsed['response']
check who['user_name'], 'a name'
begin
  client.auth_code.get_token(code, redirect_uri: OUT_OF_BAND)
  abort 'a code was taken twice'
rescue OAuth2::Error => e
  check e.code == 'invalid_grant', "the second time: #{e.code}"
end
puts "#{who['user_name']} signed in out of band"
