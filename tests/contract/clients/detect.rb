require "net/http"

address = URI("#{ENV["RETINUE_URL"]}/shapes/1")
address.query = URI.encode_www_form(api_key: ENV["RETINUE_KEY"])
picture = [File.binread("scene.jpg")].pack("m0")
response = Net::HTTP.post(address, picture, "Content-Type" => "application/x-www-form-urlencoded")
puts response.body
